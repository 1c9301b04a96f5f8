import Balancing
import Base
import Glibc
import Objects
import Relay
import TestSupport
import Testing

@testable import portico

/// Whether a pod is reached by its address or through the API server.
@Suite struct PodReachTests {
    /// Notes who is asked for what, and answers when the test says so.
    private final class Ways: Sendable {
        let tunnels = Locked<[String]>([])
        let attempts = Locked<[(address: String, deliver: @Sendable (TunnelEnd) -> Void)]>([])
        let delivered = Locked<[String]>([])
        let time = Locked(ContinuousClock.now)

        func reach(_ choice: ReachChoice) -> PodReach {
            PodReach(
                choice,
                connect: { [tunnels] pod, port, deliver in
                    tunnels.withLock { $0.append("\(pod):\(port)") }
                    deliver(.failed(EISCONN))
                },
                attempt: { [attempts] address, deliver in
                    attempts.withLock { $0.append(("\(address)", deliver)) }
                }, now: { [time] in time.withLock { $0 } })
        }

        /// A connection to a pod; false if the relay is to dial its address.
        func connect(_ reach: PodReach, _ address: String, pod: String = "web-1") throws -> Bool {
            let port = ServicePortID(ServicePortName(namespace: "shop", service: "web"), .tcp)
            let endpoint = Endpoint(try #require(EndpointAddress(address)), podName: pod)
            guard let tunnel = reach.tunnel(to: endpoint, of: port) else { return false }
            tunnel { [delivered] end in
                let text =
                    switch end {
                    case .connected(let raw): "connected \(raw)"
                    case .failed(let code): "failed \(code)"
                    case .withdrawn, .broken: "later"
                    }
                delivered.withLock { $0.append(text) }
            }
            return true
        }

        func answer(_ index: Int, _ end: TunnelEnd) { attempts.withLock { $0[index] }.deliver(end) }

        var addresses: [String] { attempts.withLock { $0.map(\.address) } }
        func wait(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    @Test func directMeansByTheAddress() throws {
        let ways = Ways()
        #expect(try !ways.connect(ways.reach(.direct), "10.244.1.5:8080"))
        #expect(ways.addresses.isEmpty && ways.tunnels.withLock { $0.isEmpty })
    }

    @Test func tunnelMeansThroughTheServer() throws {
        let ways = Ways()
        #expect(try ways.connect(ways.reach(.tunnel), "10.244.1.5:8080"))
        #expect(ways.tunnels.withLock { $0 } == ["shop/web-1:8080"] && ways.addresses.isEmpty)
    }

    @Test(
        "What is no pod, such as a process of this machine, has nothing but its address",
        arguments: ReachChoice.allCases)
    func noPod(choice: ReachChoice) throws {
        let ways = Ways()
        #expect(try !ways.connect(ways.reach(choice), "127.0.0.1:3000", pod: ""))
    }

    @Test("An address that answers is dialled from then on, and so are the others of its network")
    func direct() throws {
        let ways = Ways()
        let reach = ways.reach(.auto)
        #expect(try ways.connect(reach, "10.244.1.5:8080"))
        #expect(ways.addresses == ["10.244.1.5:8080"])
        ways.answer(0, .connected(77))
        #expect(ways.delivered.withLock { $0 } == ["connected 77"], "the socket that was tried is used")
        #expect(try !ways.connect(reach, "10.244.1.5:8080"))
        #expect(try !ways.connect(reach, "10.244.1.200:80"))
        #expect(try ways.connect(reach, "10.244.2.5:8080"), "another node's network may be out of reach")
        #expect(ways.tunnels.withLock { $0.isEmpty })
    }

    @Test("A network that is silent is asked once, whoever comes")
    func silent() throws {
        let ways = Ways()
        let reach = ways.reach(.auto)
        for pod in 1...50 { #expect(try ways.connect(reach, "10.244.1.\(pod):80", pod: "p\(pod)")) }
        #expect(ways.addresses == ["10.244.1.1:80"])
        ways.answer(0, .failed(ETIMEDOUT))
        #expect(ways.tunnels.withLock { Set($0) } == Set((1...50).map { "shop/p\($0):80" }))
        #expect(try ways.connect(reach, "10.244.1.9:80"))
        #expect(ways.addresses.count == 1)
    }

    @Test("Those who waited for one that answered are connected directly too")
    func waited() throws {
        let ways = Ways()
        let reach = ways.reach(.auto)
        #expect(try ways.connect(reach, "10.244.1.1:80"))
        #expect(try ways.connect(reach, "10.244.1.2:80"))
        ways.answer(0, .connected(5))
        #expect(ways.addresses == ["10.244.1.1:80", "10.244.1.2:80"])
        ways.answer(1, .connected(6))
        #expect(ways.delivered.withLock { $0 } == ["connected 5", "connected 6"])
    }

    @Test("A port that refuses may be a stranger's: the server is asked, and knows")
    func refused() throws {
        let ways = Ways()
        let reach = ways.reach(.auto)
        #expect(try ways.connect(reach, "10.244.1.1:80"))
        ways.answer(0, .failed(ECONNREFUSED))
        #expect(ways.tunnels.withLock { $0 } == ["shop/web-1:80"])
    }

    @Test("When a VPN comes up, it is found beside the tunnels, and nobody waits for that")
    func comesUp() throws {
        let ways = Ways()
        let reach = ways.reach(.auto)
        #expect(try ways.connect(reach, "10.244.1.1:80"))
        ways.answer(0, .failed(ETIMEDOUT))
        ways.wait(PodReach.patience)
        for _ in 0..<5 { #expect(try ways.connect(reach, "10.244.1.1:80")) }
        #expect(ways.tunnels.withLock { $0.count } == 6)
        #expect(ways.addresses.count == 2, "one of them has it looked at")
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        ways.answer(1, .connected(ends[0]))
        #expect(read(ends[1], &ends, 1) == 0, "the socket is closed")
        close(ends[1])
        #expect(try !ways.connect(reach, "10.244.1.1:80"))
    }

    @Test("When it goes down, the next connection finds out")
    func goesDown() throws {
        let ways = Ways()
        let reach = ways.reach(.auto)
        let address = try #require(EndpointAddress("10.244.1.1:80"))
        #expect(try ways.connect(reach, "\(address)"))
        ways.answer(0, .connected(5))
        reach.failed(address, ECONNREFUSED)
        #expect(try !ways.connect(reach, "\(address)"), "a pod that refuses is within reach")
        reach.failed(address, ETIMEDOUT)
        #expect(try ways.connect(reach, "\(address)"))
        ways.answer(1, .failed(ENETUNREACH))
        #expect(ways.tunnels.withLock { $0 } == ["shop/web-1:80"])
    }

    @Test func aRealAttemptSaysWhatItFinds() async throws {
        let server = try ScriptedServer.identity("here")
        let ends = Locked<[TunnelEnd]>([])
        DirectAttempt.begin(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: server.port)) { end in
            ends.withLock { $0.append(end) }
        }
        #expect(await eventually { ends.withLock { $0.count } == 1 })
        guard case .connected(let raw) = ends.withLock({ $0[0] }) else {
            Issue.record("not connected")
            return
        }
        close(raw)
        await server.stop()
        DirectAttempt.begin(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: server.port)) { end in
            ends.withLock { $0.append(end) }
        }
        #expect(await eventually { ends.withLock { $0.count } == 2 })
        guard case .failed(ECONNREFUSED) = ends.withLock({ $0[1] }) else {
            Issue.record("\(ends.withLock { $0[1] })")
            return
        }
    }
}
