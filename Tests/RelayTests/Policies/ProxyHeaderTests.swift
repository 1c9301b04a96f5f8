import Balancing
import Base
import EventLoop
import Testing

@testable import Relay

/// The header's bytes, against the layout of the PROXY protocol's specification.
@Suite struct ProxyHeaderTests {
    private let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private let client = SocketAddress(v4: 0xC0A8_0001, port: 56_324)
    private let service = SocketAddress(v4: 0x0A60_000B, port: 443)
    private let client6 = SocketAddress(v6High: 0x2001_0DB8_0000_0000, low: 0x0000_0000_0000_0001, port: 4000)
    private let service6 = SocketAddress(v6High: 0xFD00_0000_0000_0000, low: 0xABCD, port: 53)

    private func text(_ client: SocketAddress, _ destination: SocketAddress) -> String {
        let header = ProxyHeader(client: client, destination: destination)
        return String(decoding: ProxyHeader.stream(.v1, header), as: UTF8.self)
    }

    @Test("v1 over IPv4")
    func v1IPv4() {
        #expect(text(client, service) == "PROXY TCP4 192.168.0.1 10.96.0.11 56324 443\r\n")
    }

    @Test("v1 over IPv6")
    func v1IPv6() {
        #expect(text(client6, service6) == "PROXY TCP6 2001:db8::1 fd00::abcd 4000 53\r\n")
    }

    @Test("v1 for addresses that cannot be said together is UNKNOWN")
    func v1Unknown() {
        #expect(text(client, service6) == "PROXY UNKNOWN\r\n")
        #expect(text(client6, service) == "PROXY UNKNOWN\r\n")
        #expect(String(decoding: ProxyHeader.own(.v1), as: UTF8.self) == "PROXY UNKNOWN\r\n")
    }

    @Test("v1 is never longer than the 107 bytes that receivers make room for")
    func v1Longest() {
        let longest = SocketAddress(v6High: .max, low: .max, port: .max)
        #expect(text(longest, longest).utf8.count <= 107)
    }

    @Test("v2 over IPv4: version and command, family and transport, length, addresses, ports")
    func v2IPv4() {
        let header = ProxyHeader.stream(.v2, ProxyHeader(client: client, destination: service))
        #expect(
            header == signature + [0x21, 0x11, 0x00, 0x0C]
                + [192, 168, 0, 1, 10, 96, 0, 11, 0xDC, 0x04, 0x01, 0xBB])
        #expect(header.count == 28)
    }

    @Test("v2 over IPv6")
    func v2IPv6() {
        let header = ProxyHeader.stream(.v2, ProxyHeader(client: client6, destination: service6))
        #expect(
            header == signature + [0x21, 0x21, 0x00, 0x24]
                + [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
                + [0xFD, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xAB, 0xCD] + [0x0F, 0xA0, 0x00, 0x35])
        #expect(header.count == 52)
    }

    @Test("v2 for datagrams differs in the transport alone")
    func v2Datagrams() {
        let pairs = [(client, service, 0x12 as UInt8), (client6, service6, 0x22)]
        for (source, target, family) in pairs {
            let header = ProxyHeader(client: source, destination: target)
            var expected = ProxyHeader.stream(.v2, header)
            expected[13] = family
            #expect(ProxyHeader.datagram(header) == expected)
        }
    }

    @Test("v2 for addresses that cannot be said together, and for the proxy's own connections, is LOCAL")
    func v2Local() {
        let local = signature + [0x20, 0x00, 0x00, 0x00]
        #expect(ProxyHeader.stream(.v2, ProxyHeader(client: client, destination: service6)) == local)
        #expect(ProxyHeader.datagram(nil) == local)
        #expect(ProxyHeader.own(.v2) == local)
    }

    @Test("An IPv4 client seen through a dual-stack socket is an IPv4 client")
    func mapped() {
        let mapped = SocketAddress(v6High: 0, low: 0xFFFF_C0A8_0001, port: 56_324)
        #expect(text(mapped, service) == text(client, service))
    }
}

/// The header in front of what a direction carries.
@Suite struct PrecedingBytesTests {
    @Test("The header goes first, whatever is ready, and does not count")
    func first() {
        var up = Direction(sourceReady: true)
        up.precede(with: 28)
        #expect(up.next(at: 0) == .flush)
        up.didWrite(.moved(28))
        #expect(up.moved == 0 && up.held == 0)
        #expect(up.next(at: 0) == .copy)
        up.didRead(.moved(100), capacity: 1000, at: 0)
        up.didWrite(.moved(100))
        #expect(up.moved == 100)
    }

    @Test("A socket that takes only a part of it gets the rest before anything else")
    func partial() {
        var up = Direction(sourceReady: true)
        up.precede(with: 28)
        up.didWrite(.moved(5))
        #expect(up.phase == .pending && up.held == 23 && up.next(at: 0) == .wait)
        up.sinkHas(.writable)
        #expect(up.next(at: 0) == .flush)
        up.didWrite(.wouldBlock)
        up.sinkHas(.writable)
        up.didWrite(.moved(23))
        #expect(up.phase == .reading && up.moved == 0)
    }

    @Test("A sink that breaks before the header is through fails the direction")
    func broken() {
        var up = Direction(sourceReady: true)
        up.precede(with: 28)
        up.didWrite(.failed(32))
        #expect(up.phase == .failed && up.sinkFailed)
    }
}
