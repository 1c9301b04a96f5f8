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
        let any = try #require(IPAddress(family == .ipv4 ? "0.0.0.0" : "::"))
        let sockets: [(EndpointAddress, TransportProtocol)] = [
            (EndpointAddress(ip: ip, port: try TCPSocket.localAddress(of: one).port), .tcp),
            (EndpointAddress(ip: any, port: try TCPSocket.localAddress(of: all).port), .tcp),
            (EndpointAddress(ip: ip, port: try TCPSocket.localAddress(of: udp).port), .udp),
        ]
        for (address, transport) in sockets {
            // Others may have the same number at other addresses.
            let found = SocketTable.sockets(family, transport).filter { $0.address == address }
            let listed = ListeningSockets.all(transport, port: address.port).filter { $0.address == address }
            #expect(found.count == 1 && listed.map(\.inode) == found.map(\.inode))
            #expect(listed.map(\.address) == found.map(\.address) && listed.allSatisfy { $0.isMet(at: ip) })
            #expect(ListeningSockets.all(transport).filter { $0.address == address } == listed)
            #expect(ListeningSockets.inodes(at: EndpointAddress(ip: ip, port: 1), transport).isEmpty)
        }
    }

    @Test("Who is met where: at all addresses of a family, or of both, or at one alone")
    func met() throws {
        func socket(_ address: String, only: Bool = false) throws -> ListeningSocket {
            ListeningSocket(address: try #require(EndpointAddress(address)), isIPv6Only: only, inode: 1)
        }
        let (four, other, six) = (ip("127.0.0.1"), ip("127.0.0.2"), ip("::1"))
        func met(_ socket: ListeningSocket) -> [Bool] { [four, other, six].map { socket.isMet(at: $0) } }
        #expect(try met(socket("0.0.0.0:80")) == [true, true, false])
        #expect(try met(socket("[::]:80")) == [true, true, true])
        #expect(try met(socket("[::]:80", only: true)) == [false, false, true])
        #expect(try met(socket("127.0.0.1:80")) == [true, false, false])
        #expect(try met(socket("[::1]:80")) == [false, false, true])
    }

    @Test("The kernel tells which sockets of IPv6 leave IPv4 to others")
    func families() throws {
        let listener = try TCPSocket.listen(on: SocketAddress(v6High: 0, low: 0, port: 0))
        let port = try TCPSocket.localAddress(of: listener).port
        let address = EndpointAddress(ip: try #require(IPAddress("::")), port: port)
        let sockets = ListeningSockets.all(.tcp, port: address.port).filter { $0.address == address }
        #expect(sockets.map(\.isIPv6Only) == [true])
    }

    @Test("Who listens at another address, or does not listen, is none; what is no table has none")
    func lines() throws {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
               1: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
               2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
            """
        let sockets = SocketTable.sockets(in: text, .tcp)
        #expect(sockets.map { "\($0.address) \($0.inode)" } == ["127.0.0.1:8080 4711", "127.0.0.2:8080 4712"])
        #expect(SocketTable.sockets(in: text, .udp).isEmpty)
        for nonsense in ["", "x", "x\n0: 1 2 0A", "x\n0: zz:1 2 0A 4 5 6 7 8 9"] {
            #expect(SocketTable.sockets(in: nonsense, .tcp).isEmpty)
        }
    }
}
