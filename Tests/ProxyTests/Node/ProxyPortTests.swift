import Balancing
import Base
import Testing

@testable import Proxy

@Suite("Proxy ports") struct ProxyPortTests {
    private func key(
        _ service: String, _ transport: TransportProtocol = .tcp, _ policy: TrafficPolicy = .cluster
    )
        -> ProxyPortBook.Key
    {
        ProxyPortBook.Key(ServicePortName(namespace: "default", service: service), transport, policy)
    }

    private func book(_ ports: ClosedRange<UInt16> = ProxyPortRange.standard.ports) -> ProxyPortBook {
        ProxyPortBook(range: ProxyPortRange(ports: ports), excluding: ProxyPortRange.standardNodePorts)
    }

    @Test("A service port has the same proxy port in every run")
    func stable() {
        var book = book()
        // Rules and conntrack entries of a running node depend on it: a change of the derivation is a breaking change.
        #expect(book.port(for: key("my-service")) == 23_011)
        #expect(book.port(for: key("my-service")) == 23_011)
        #expect(book.port(for: key("my-service", .tcp, .local)) != 23_011)
    }

    @Test("No two have the same one, as long as there are enough, and a restart with the same Services gives the same")
    func full() {
        var (first, second) = (book(20_000...20_099), book(20_000...20_099))
        let keys = (0..<100).map { key("s\($0)") }
        let ports = keys.map { first.port(for: $0) }
        #expect(Set(ports).count == 100)
        #expect(ports.allSatisfy { $0.map { (20_000...20_099).contains($0) } == true })
        #expect(keys.map { second.port(for: $0) } == ports)
        #expect(first.port(for: key("one-more")) == nil)
        #expect(first.port(for: key("one-more", .udp)) != nil, "UDP has ports of its own")
        // As soon as one is deleted there is room.
        #expect(first.nextInLine() == [], "nothing was given back")
        first.keep(only: [], of: keys[0].service)
        #expect(first.nextInLine() == [key("one-more").service])
        #expect(first.port(for: key("one-more")) == ports[0])
    }

    @Test("Node ports are never given out")
    func nodePorts() {
        var book = book(29_990...30_010)
        let ports = (0..<11).map { book.port(for: key("s\($0)")) }
        #expect(ports.prefix(10).allSatisfy { $0.map { $0 < 30_000 } == true })
        #expect(ports.last == .some(nil))
    }

    @Test("A port that others hold is replaced, and given out again once that may have changed")
    func busy() {
        var book = book(20_000...20_001)
        let first = book.port(for: key("a"))
        book.replace(key("a"))
        let second = book.port(for: key("a"))
        #expect(second != first)
        #expect(book.port(for: key("b")) == nil)
        _ = book.nextInLine()
        book.forgetBusy()
        #expect(book.nextInLine() == [key("b").service])
        #expect(book.port(for: key("b")) == first)
        #expect(book.port(for: key("a")) == second, "who has one keeps it")
    }

    @Test("Who has got a port is next in line no more, and neither is one that is gone")
    func served() {
        var book = book(20_000...20_000)
        _ = book.port(for: key("a"))
        for name in ["b", "c"] { #expect(book.port(for: key(name)) == nil) }
        book.keep(only: [], of: key("a").service)
        #expect(book.nextInLine() == [key("b").service, key("c").service])
        // As planned again: one gets it, and the other goes.
        book.keep(only: [key("b")], of: key("b").service)
        #expect(book.port(for: key("b")) == 20_000)
        book.keep(only: [], of: key("c").service)
        book.keep(only: [], of: key("b").service)
        #expect(book.nextInLine() == [])
    }

    @Test("A port that was handed over counts more than the name, unless it cannot be")
    func remembered() {
        var book = book()
        book.remember(25_000, for: key("my-service"))
        book.remember(25_000, for: key("other"))
        book.remember(31_000, for: key("third"))
        #expect(book.port(for: key("my-service")) == 25_000)
        #expect(book.port(for: key("other")) != 25_000)
        #expect(book.port(for: key("third")) != 31_000, "not in the range")
        book.remember(100, for: key("fourth"))
        #expect(book.port(for: key("fourth")) != 100, "nor is this")
    }

    @Test(
        "--proxy-port-range as kube-proxy reads it",
        arguments: [
            ("20000-29999", 20_000...29_999), (" 20000 - 20010 ", nil), ("20000+99", 20_000...20_099),
            (" 20000-20010 ", 20_000...20_010), ("20000", 20_000...20_000), ("", ProxyPortRange.standard.ports),
            ("0", ProxyPortRange.standard.ports), ("0-0", ProxyPortRange.standard.ports), ("30-20", nil),
            ("1-65536", nil), ("65535+1", nil), ("a-b", nil), ("-5", nil), ("5-", nil),
        ] as [(String, ClosedRange<UInt16>?)])
    func ranges(text: String, ports: ClosedRange<UInt16>?) {
        #expect(ProxyPortRange(text)?.ports == ports)
    }
}
