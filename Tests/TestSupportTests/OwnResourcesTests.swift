import Foundation
import Glibc
import TestSupport
import Testing

@Suite(.requires(.root, .networkNamespaces, .tool("ip"))) struct OwnResourcesTests {
    /// Whoever wakes a task may have to make a thread for it, and threads are born in the network of their maker.
    @Test func noThreadIsLeftInAnotherNetwork() async throws {
        let home = try #require(Self.network(of: "self"))
        // Peers of other tests may be there still.
        let before = try Self.threads(outside: home)
        let other = try await OwnResources.inOwnNetwork(ports: 40_000...40_099) {
            let network = Self.network(of: "thread-self")
            // By then Swift has let go of the threads that had nothing to do.
            sleep(7)
            return network
        }
        #expect(other != nil && other != home)
        #expect(Self.network(of: "thread-self") == home)
        // The one that was there may be on its way out; one of Swift's stays for some seconds.
        #expect(try await eventually(within: .seconds(1)) { try Self.threads(outside: home).isSubset(of: before) })
    }

    private static func threads(outside home: String) throws -> Set<String> {
        let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
        return Set(threads.filter { ![home, nil].contains(network(of: "self/task/\($0)")) })
    }

    private static func network(of process: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/net")
    }
}
