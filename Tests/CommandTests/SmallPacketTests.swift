import Glibc
import TestSupport
import Testing

/// UDP where packets are small. Namespaces of their own, since loopback's are larger than any datagram elsewhere.
@Suite(.timeLimit(.minutes(2))) struct SmallPacketTests {
    /// Joined datagrams have to fit a packet each, alone they need not: the kernel refuses to send the ones that Portico
    /// would like to join, and Portico then sends one by one.
    @Test(.requires(.root, .networkNamespaces, .tool("ip")), arguments: [1400, 2000, 4000])
    func datagramsThatCannotBeJoinedArriveAllTheSame(size: Int) async throws {
        let setUp = "ip link set lo mtu 1500 up && exec \"$0\" \"$@\""
        let process = try DevProcess(
            [
                "--service", "dns:53/udp=127.0.0.1:9953", "--publish", "dns:53/udp=127.0.0.1:5300", "--output", "json",
            ], launcher: ["unshare", "--net", "sh", "-c", setUp])
        try await process.waitFor("listening")
        let pid = process.child.pid
        let server = try await OwnResources.inNetwork(of: pid) { try UDPServer(port: 9953) }
        let client = try await OwnResources.inNetwork(of: pid) { try UDPClient(to: 5300) }
        // The worker has to find several at once, or there is nothing to join: it is stopped while they arrive.
        #expect(try await client.ask("first") == "first")
        for round in 0..<3 {
            process.child.signal(SIGSTOP)
            let burst = (0..<8).map { BytePattern(seed: UInt64(round * 8 + $0)).prefix(size) }
            for datagram in burst { try client.send(datagram) }
            process.child.signal(SIGCONT)
            for datagram in burst { try #require(try await client.receive() == datagram) }
        }
        #expect(server.arrivals.datagrams == 25)
        let result = try await process.end()
        #expect(result.output.contains("\"datagramsUp\":25,\"datagramsDown\":25,\"datagramsDropped\":0"))
    }
}
