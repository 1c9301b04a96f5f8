import Base
import EventLoop
import TestSupport
import Testing

@testable import Host

@Suite struct SocketTableTests {
    @Test("The tables of /proc say the same as the kernel's own list", arguments: IPAddress.Family.allCases)
    func agrees(_ family: IPAddress.Family) throws {
        let ip = try #require(IPAddress(family == .ipv4 ? "127.0.0.1" : "::1"))
        let everywhere = family == .ipv4 ? SocketAddress(v4: 0, port: 0) : SocketAddress(v6High: 0, low: 0, port: 0)
        let here = family == .ipv4 ? SocketAddress.loopback(port: 0) : SocketAddress(v6High: 0, low: 1, port: 0)
        let one = try TCPSocket.listen(on: here)
        let all = try TCPSocket.listen(on: everywhere)
        let udp = try UDPSocket.bind(to: here)
        let sockets: [(SocketAddress, TransportProtocol)] = [
            (try TCPSocket.localAddress(of: one), .tcp), (try TCPSocket.localAddress(of: all), .tcp),
            (try TCPSocket.localAddress(of: udp), .udp),
        ]
        for (socket, transport) in sockets {
            let address = EndpointAddress(ip: ip, port: socket.port)
            let found = SocketTable.inodes(family, at: address, transport)
            #expect(found.count == 1 && ListeningSockets.inodes(at: address, transport) == Set(found))
            #expect(SocketTable.inodes(family, at: EndpointAddress(ip: ip, port: 1), transport).isEmpty)
        }
    }

    @Test("Who listens at another address, or does not listen, is none; what is no table has none")
    func lines() throws {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
               1: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
               2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
            """
        func inodes(_ address: String) throws -> [UInt32] {
            SocketTable.inodes(in: text, at: try #require(EndpointAddress(address)), .tcp)
        }
        #expect(try inodes("127.0.0.1:8080") == [4711])
        #expect(try inodes("0.0.0.0:8080") == [4711, 4712])
        #expect(try inodes("127.0.0.1:8081") == [])
        for nonsense in ["", "x", "x\n0: 1 2 0A", "x\n0: zz:1 2 0A 4 5 6 7 8 9"] {
            #expect(SocketTable.inodes(in: nonsense, at: EndpointAddress(ip: IPAddress(v4: 0), port: 1), .tcp).isEmpty)
        }
    }
}
