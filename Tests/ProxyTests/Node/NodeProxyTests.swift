import Balancing
import Base
import Glibc
import Host
import Objects
import Redirect
import Relay
import Resolution
import TestSupport
import Testing

@testable import Proxy

/// Relay and rules side by side: a real relay, and scripts in place of iptables that take their time.
@Suite("Relay and rules of a node", .serialized) struct NodeProxyTests {
    private let folder: TemporaryDirectory
    private let relay: Relay
    private let proxy: NodeProxy

    init() throws {
        folder = try TemporaryDirectory()
        let restore = "cat > /dev/null; sleep 0.4; test ! -e \(folder.file("broken"))"
        for (program, body) in [("iptables-restore", restore), ("iptables-save", "true"), ("ip", "true")] {
            try folder.write("#!/bin/sh\nPATH=/usr/bin:/bin\n\(body)\n", to: program)
            chmod(folder.file(program), 0o755)
        }
        relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 1024)))
        let network = NetworkInterfaces(addresses: [.init("eth0", try #require(IPAddress("192.168.1.5")))])
        var settings = NodeSettings(nodeName: "node1")
        settings.redirectedFamilies = [.ipv4]
        proxy = NodeProxy(
            relay: relay, settings: settings,
            backEnd: IptablesRedirect(Iptables(variant: nil, searchPath: [folder.path]), families: [.ipv4]),
            look: { network })
    }

    /// A cluster with one Service of each name, all with an endpoint where nobody is.
    private func state(_ names: String...) throws -> ClusterState { try state(names) }

    private func state(_ names: [String]) throws -> ClusterState {
        var state = ClusterState()
        for (number, name) in names.enumerated() {
            let address = try #require(IPAddress("10.96.77.\(number + 1)"))
            state.services.append(
                Service(
                    metadata: ObjectMeta(name: name, namespace: "race"),
                    spec: ServiceSpec(ports: [ServicePortSpec(port: 80)], clusterIPs: [.address(address)])))
        }
        return state
    }

    /// Whether anybody listens on the proxy port of a Service.
    private func isOpen(_ name: String) -> Bool {
        var book = ProxyPortBook(excluding: ProxyPortRange.standardNodePorts)
        let key = ProxyPortBook.Key(ServicePortName(namespace: "race", service: name), .tcp, .cluster)
        guard let port = book.port(for: key) else { return false }
        return PortOwner.find(EndpointAddress(ip: IPAddress(v4: 0), port: port)) != nil
    }

    @Test("Doors that there was no room for are not kept once nobody wants them any more")
    func noRoom() async throws {
        let small = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 64)))
        let network = NetworkInterfaces(addresses: [.init("eth0", try #require(IPAddress("192.168.1.5")))])
        var settings = NodeSettings(nodeName: "node1")
        settings.redirectedFamilies = [.ipv4]
        let proxy = NodeProxy(
            relay: small, settings: settings,
            backEnd: IptablesRedirect(Iptables(variant: nil, searchPath: [folder.path]), families: [.ipv4]),
            look: { network })
        let names = (0..<(small.budget.listeners + 2)).map { "s\($0)" }
        let crowded = await proxy.serve(try state(names))
        #expect(crowded.problems.count { $0.kind == .resources } == 1)
        #expect(await proxy.redirect().isInForce)
        let fewer = await proxy.serve(try state(Array(names.prefix(3))))
        #expect(!fewer.problems.contains { $0.kind == .resources }, "what is left has room")
        await small.stop()
    }

    @Test("What is opened while rules are being applied stays open when that is done")
    func openedMeanwhile() async throws {
        _ = await proxy.serve(try state("a", "b"))
        async let slow = proxy.redirect()
        try await Task.sleep(for: .milliseconds(100))
        let served = await proxy.serve(try state("a", "b", "c"))
        #expect(served.problems == [] && served.servicePorts == 3)
        #expect(await slow.isInForce)
        _ = await relay.snapshot()
        for name in ["a", "b", "c"] { #expect(isOpen(name), "\(name)") }
        await relay.stop()
    }

    @Test("What is gone stays open until the rules have followed, and if they cannot, until they can")
    func closedAfterwards() async throws {
        _ = await proxy.serve(try state("a", "b"))
        #expect(await proxy.redirect().isInForce)
        _ = await proxy.serve(try state("a"))
        #expect(isOpen("b"), "rules still lead there")
        try folder.write("", to: "broken")
        #expect(await !proxy.redirect().isInForce)
        #expect(isOpen("b"))
        folder.remove("broken")
        #expect(await proxy.redirect().isInForce)
        #expect(!isOpen("b") && isOpen("a"))
        await relay.stop()
    }
}
