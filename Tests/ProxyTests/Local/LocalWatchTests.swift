import Base
import EventLoop
import Host
import TestSupport
import Testing

@testable import Proxy

@Suite("Looking who listens") struct LocalWatchTests {
    private func target(_ place: LocalTarget.Place, _ transport: TransportProtocol? = nil) -> LocalTarget {
        LocalTarget(namespace: "default", service: "cart", transport: transport, place: place, text: "")
    }

    @Test("What comes and goes is seen, over TCP and UDP, and what is this process's own is known as that")
    func own() async throws {
        let port = try freePort()
        let watch = LocalWatch([target(.port(port, host: nil))])
        #expect(await !watch.look() && watch.sight.listeners.isEmpty)
        let server = try ScriptedServer(port: port, script: [])
        let address = EndpointAddress(ip: ip("127.0.0.1"), port: port)
        #expect(await watch.look() && watch.sight.owner(at: address, .tcp) == .own)
        #expect(await !watch.look())
        let datagrams = try UDPServer(port: port)
        #expect(await watch.look() && watch.sight.owner(at: address, .udp) == .own)
        await server.stop()
        #expect(await watch.look() && watch.sight.owner(at: address, .tcp) == nil)
        await datagrams.stop()
        #expect(await watch.look() && watch.sight.listeners.isEmpty)
    }

    @Test("Others' sockets are of no interest unless they are asked for")
    func others() async throws {
        let server = try ScriptedServer(script: [])
        let watch = LocalWatch([target(.port(try freePort(), host: nil)), target(.command)])
        _ = await watch.look()
        #expect(!watch.sight.listeners.contains { $0.socket.address.port == server.port })
    }

    @Test("The addresses of this machine are looked at only if a host is named that may be one")
    func addresses() async {
        for host in [nil, StaticService.Host.address(ip("127.0.0.2"))] {
            let watch = LocalWatch([target(.port(1, host: host))])
            _ = await watch.look()
            #expect(watch.sight.addresses.isEmpty && watch.sight.isHere(ip("127.0.0.2")))
        }
        let watch = LocalWatch([target(.port(1, host: .address(ip("192.0.2.1"))))])
        _ = await watch.look()
        #expect(watch.sight.addresses.contains(ip("127.0.0.1")) && !watch.sight.isHere(ip("192.0.2.1")))
    }
}
