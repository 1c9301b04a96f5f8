import Foundation
import TestSupport
import Testing

/// The lab itself, without a daemon: what other tests, and readers of the example, rely on.
@Suite("The lab", Lab.requirements, .serialized) struct LabTests {
    @Test("Pods of all nodes reach each other, and the client outside reaches nodes, in both families")
    func network() async throws {
        try await Lab.run(daemons: []) { lab in
            for address in ["10.244.2.3", "fd00:244:2::3"] {
                for place in ["client", "nginx3", "node1", "outside"] {
                    for transport in Transport.allCases {
                        let answer = try await lab.ask(from: place, address, 80, over: transport)
                        #expect(answer == .pod("nginx1"), "\(address) from \(place), \(transport)")
                    }
                }
            }
            try await lab.cluster("kill-pod", "nginx1")
            #expect(try await lab.ask(from: "client", "10.244.2.3", 80) == .refused)
            try await lab.cluster("unplug-pod", "nginx3")
            #expect(try await lab.ask(from: "client", "10.244.1.3", 80) == .silence)
        }
    }

    @Test("What cannot be done is said, and leaves nothing half done")
    func mistakes() async throws {
        try await Lab.run(daemons: []) { lab in
            func complaint(_ words: String...) async -> String {
                do {
                    _ = try await lab.cluster(words)
                    return "none"
                } catch {
                    return "\(error)"
                }
            }
            #expect(await complaint("apply", "/nonexistent.yaml").contains("cannot read /nonexistent.yaml"))
            #expect(await complaint("pod", "node9", "x", "10.244.2.9", "--port", "80").contains("there is no node9"))
            #expect(await complaint("up").contains("there is a cluster '\(lab.name)' already"))
            #expect(await complaint("dance").contains("cluster up"), "the commands are listed")
            let names = try FileManager.default.contentsOfDirectory(atPath: "/run/netns")
            #expect(!names.contains("\(lab.name)-x"))
            #expect(try await lab.ask(from: "client", "10.244.2.3", 80) == .pod("nginx1"), "it is as it was")
        }
    }

    @Test("Two labs know nothing of each other, and nothing is left of them")
    func two() async throws {
        let names = Locked<[String]>([])
        try await Lab.run(daemons: []) { one in
            try await Lab.run(daemons: []) { other in names.withLock { $0 = [one.name, other.name] } }
            #expect(
                try await one.ask(from: "client", "10.244.2.3", 80) == .pod("nginx1"), "the other's end is not its own")
        }
        let left = (try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? []
        for name in names.withLock({ $0 }) {
            #expect(!left.contains { $0.hasPrefix("\(name)-") })
            #expect(!FileManager.default.fileExists(atPath: "/run/portico-lab/\(name)"))
        }
    }
}
