import Foundation
import TestSupport
import Testing

/// The priority that whoever starts a session gives it, with `nice` or a unit's `Nice=`.
@Suite(.timeLimit(.minutes(1))) struct PriorityTests {
    @Test("The threads that carry traffic have the priority of the process", .requires(.tool("nice")))
    func workers() async throws {
        let session = try DevProcess(["--service", "web:80=127.0.0.1:1"], launcher: ["nice", "-n", "5"])
        try await session.waitFor("Ready.")
        let tasks = "/proc/\(session.child.pid)/task"
        let found = try Self.threads(in: tasks).filter { $0.name.hasPrefix("worker-") }
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.nice == 5 }, "\(found)")
        _ = try await session.end()
    }

    private static func threads(in folder: String) throws -> [(name: String, nice: Int)] {
        try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { id in
            // It may have ended since.
            guard let line = try? String(contentsOfFile: "\(folder)/\(id)/stat", encoding: .utf8) else { return nil }
            let parts = line.split(separator: ")", maxSplits: 1)
            // Behind the name, which stands in brackets, the nice value is the 17th field (proc(5)).
            let fields = try #require(parts.last).split(separator: " ")
            let name = try #require(parts.first?.split(separator: "(").last)
            return (String(name), try #require(Int(fields[16])))
        }
    }
}
