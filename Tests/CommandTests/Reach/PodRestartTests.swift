import APITestSupport
import Glibc
import TestSupport
import Testing

/// Pods that are replaced again and again, as in rolling restarts, while clients come.
@Suite("Forwarding through restarts", .timeLimit(.minutes(10))) struct PodRestartTests {
    /// `PORTICO_RESTARTS=1000 Scripts/test.sh --filter PodRestartTests` has more of them.
    private static let restarts = getenv("PORTICO_RESTARTS").flatMap { Int(String(cString: $0)) } ?? 100
    private static let clients = 50

    @Test("Restarts while 50 clients connect: no client fails as long as a pod is ready")
    func restarts() async throws {
        let cluster = try await TunnelCluster()
        cluster.put()
        var pods = ["web-0", "web-1", "web-2"]
        for pod in pods { cluster.pods.play(pod, 8080, .echo()) }
        cluster.put(endpoints: pods)
        let port = try freePort()
        let forward = try cluster.forward("service/web", "\(port):80", "--address", "127.0.0.1")
        await forward.waitFor("Forwarding from 127.0.0.1:\(port) -> 8080\n")
        let isOver = Locked(false)
        let served = Locked(0)
        let failures = Locked<[String]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<Self.clients {
                group.addTask {
                    var number = 0
                    while !isOver.withLock({ $0 }) {
                        number += 1
                        let text = "client \(client), \(number)"
                        let report = try await ScriptedPeer.connect(
                            to: port, script: [.send(text), .shutdownWrite, .receiveAll]
                        ).report()
                        if report.received.text == text, report.sawEnd {
                            served.withLock { $0 += 1 }
                        } else {
                            failures.withLock {
                                $0.append("\(text): '\(report.received.text)', \(report.failure.map { "\($0)" } ?? "")")
                            }
                        }
                    }
                }
            }
            for restart in 0..<Self.restarts {
                // It refuses before anybody knows, and another one comes in its place.
                let place = restart % pods.count
                cluster.pods.play(pods[place], 8080, .refusal)
                pods[place] = "web-\(restart + 3)"
                cluster.pods.play(pods[place], 8080, .echo())
                cluster.put(endpoints: pods)
                // The next one goes when this one serves.
                let new = pods[place]
                let isServing = await eventually {
                    cluster.pods.notes.suffix(200).contains(.stream(pod: new, port: 8080))
                }
                guard isServing else {
                    failures.withLock { $0.append("\(new) is never asked") }
                    break
                }
            }
            isOver.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(failures.withLock { Array($0.prefix(5)) } == [], "\(forward.errors.prefix(1000))")
        #expect(served.withLock { $0 } > Self.restarts, "clients were served all the time")
        forward.signal(SIGINT)
        #expect(try await forward.finished().status == 0)
    }
}
