import Base
import EventLoop
import Host
import TestSupport
import Testing

@Suite struct PortOwnerTests {
    @Test func namesTheProcessThatListens() throws {
        let server = try ScriptedServer(script: [.receiveAll])
        let address = try #require(EndpointAddress("127.0.0.1:\(server.port)"))
        #expect(PortOwner.find(address)?.contains("(pid ") == true)
    }

    @Test("A UDP socket that takes from everybody counts, one that talks to somebody does not")
    func datagrams() throws {
        let waiting = try UDPSocket.bind(to: .loopback(port: 0))
        let port = try TCPSocket.localAddress(of: waiting).port
        let address = try #require(EndpointAddress("127.0.0.1:\(port)"))
        #expect(PortOwner.find(address, .udp)?.contains("(pid ") == true)
        #expect(PortOwner.find(address, .tcp) == nil)
        #expect(PortOwner.find(try #require(EndpointAddress("127.0.0.2:\(port)")), .udp) == nil)
    }

    @Test("A client's end of a connection is nobody who listens")
    func connections() throws {
        let server = try ScriptedServer(script: [.receiveAll])
        let client = try TCPSocket.dial(.loopback(port: server.port))
        let port = try TCPSocket.localAddress(of: client).port
        let address = try #require(EndpointAddress("127.0.0.1:\(port)"))
        #expect(PortOwner.find(address) == nil)
    }

    @Test("One that listens at all addresses is met at each", arguments: [IPAddress.Family.ipv4, .ipv6])
    func wildcard(_ family: IPAddress.Family) throws {
        let everywhere =
            family == .ipv4 ? SocketAddress(v4: 0, port: 0) : SocketAddress(v6High: 0, low: 0, port: 0)
        let listener = try TCPSocket.listen(on: everywhere)
        let port = try TCPSocket.localAddress(of: listener).port
        let ip = try #require(IPAddress(family == .ipv4 ? "127.0.0.1" : "::1"))
        #expect(PortOwner.find(EndpointAddress(ip: ip, port: port))?.contains("(pid ") == true)
    }

    @Test func aPortWithoutListenerHasNoOwner() throws {
        let socket = try TCPSocket.reserve(.loopback(port: 0))
        let port = try TCPSocket.localAddress(of: socket).port
        #expect(PortOwner.find(try #require(EndpointAddress("127.0.0.1:\(port)"))) == nil)
    }
}
