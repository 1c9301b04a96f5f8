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

    @Test func aPortWithoutListenerHasNoOwner() throws {
        let socket = try TCPSocket.reserve(.loopback(port: 0))
        let port = try TCPSocket.localAddress(of: socket).port
        #expect(PortOwner.find(try #require(EndpointAddress("127.0.0.1:\(port)"))) == nil)
    }
}
