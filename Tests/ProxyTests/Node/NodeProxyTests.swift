import Balancing
import Base
import Cluster
import Host
import Objects
import Redirect
import Relay
import Status
import TestSupport
import Testing

@testable import Proxy

/// Relay and kernel side by side: a real relay, and a back end that records what it is told, and takes its time.
@Suite("Relay and rules of a node", .serialized) struct NodeProxyTests {
    private let relay: Relay
    private let backEnd = RecordingBackEnd()
    private let proxy: NodeProxy

    init() throws {
        relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 1024)))
        proxy = NodeProxy(relay: relay, settings: Self.settings, backEnd: backEnd, look: { Self.network })
    }

    private static var settings: NodeSettings {
        var settings = NodeSettings(nodeName: "node1")
        settings.redirectedFamilies = [.ipv4]
        return settings
    }

    private static var network: NetworkInterfaces {
        NetworkInterfaces(addresses: [.init("eth0", ip("192.168.1.5"))])
    }

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "race", name: name) }

    /// Services of these names, all without an endpoint.
    private func services(_ names: [String], gone: [String] = []) -> ObjectChanges {
        var changes = ObjectChanges()
        for name in names {
            // By its name, so that each has the same one in every change.
            let address = IPAddress(v4: 0x0A60_0000 | UInt32(truncatingIfNeeded: StableHash.of(name)) & 0xFFFF)
            changes.update(
                .service(
                    Service(
                        metadata: ObjectMeta(name: name, namespace: "race"),
                        spec: ServiceSpec(ports: [ServicePortSpec(port: 80)], clusterIPs: [.address(address)]))))
        }
        for name in gone { changes.remove(ObjectID(.service, key(name))) }
        return changes
    }

    /// Whether anybody listens on the proxy port of a Service.
    private func isOpen(_ name: String) -> Bool {
        var book = ProxyPortBook(excluding: ProxyPortRange.standardNodePorts)
        let key = ProxyPortBook.Key(ServicePortName(namespace: "race", service: name), .tcp, .cluster)
        guard let port = book.port(for: key) else { return false }
        return PortOwner.find(EndpointAddress(ip: IPAddress(v4: 0), port: port)) != nil
    }

    @Test("Only what changes is told to the kernel")
    func told() async throws {
        let first = await proxy.serve(services(["a", "b", "c"]))
        #expect(first.serviceCount == 3 && first.portCount == 3 && first.services.count == 3)
        #expect(await proxy.redirect().kernel.isInForce)
        await backEnd.forgetCalls()
        let second = await proxy.serve(services(["d"], gone: ["a"]))
        #expect(Set(second.services.keys) == [key("a"), key("d")] && second.serviceCount == 3)
        _ = await proxy.redirect()
        let changes = await backEnd.calls.map(\.change)
        #expect(changes.map { Set($0.services.keys) } == [[key("a"), key("d")]])
        #expect(changes.first?.node == nil && changes.first?.services[key("a")] == [])
        #expect(Set(await backEnd.told.services.keys) == [key("b"), key("c"), key("d")])
        await relay.stop()
    }

    @Test("A change that means nothing to the kernel is not told to it, and all is in force as before")
    func notTold() async throws {
        var changes = services(["a"])
        var slice = slice(of: "a", ports: [.init(port: 80)], [endpoint("10.1.0.1")])
        slice.metadata.namespace = "race"
        changes.update(.endpointSlice(slice))
        _ = await proxy.serve(changes)
        let first = await proxy.redirect().kernel
        #expect(first.isInForce && !first.families.isEmpty)
        slice.endpoints = [endpoint("10.1.0.2")]
        var change = ObjectChanges()
        change.update(.endpointSlice(slice))
        let served = await proxy.serve(change)
        #expect(served.services[key("a")]??.ports.first?.endpoints.map(\.address.ip) == [ip("10.1.0.2")])
        let second = await proxy.redirect().kernel
        #expect(second.isInForce && second.families.keys == first.families.keys)
        #expect(await backEnd.calls.count == 1)
        // A look is another matter, and so is what could not be brought in force.
        _ = await proxy.redirect(checking: true)
        await backEnd.fail(.ipv4, .timedOut(program: "iptables-restore", seconds: 60))
        _ = await proxy.serve(services(["b"]))
        #expect(await !proxy.redirect().kernel.isInForce)
        #expect(await !proxy.redirect().kernel.isInForce)
        #expect(await backEnd.calls.count == 4)
        await relay.stop()
    }

    @Test("A change that means nothing to the rules is in force once it is served, unless they are behind")
    func inForceAtOnce() async throws {
        var slice = slice(of: "a", ports: [.init(port: 80)], [])
        slice.metadata.namespace = "race"
        func moveEndpoint(to address: String) async -> NodeProxy.Redirected? {
            slice.endpoints = [endpoint(address)]
            var change = ObjectChanges()
            change.update(.endpointSlice(slice))
            return await proxy.serve(change).redirected
        }
        #expect(await proxy.serve(services(["a"])).redirected == nil)
        #expect(await moveEndpoint(to: "10.1.0.1") == nil, "there are no rules yet")
        #expect(await proxy.redirect().kernel.isInForce)
        let done = try #require(await moveEndpoint(to: "10.1.0.2"))
        #expect(done.kernel.isInForce && done.kernel.families.keys.sorted() == [.ipv4] && !done.isToBeServed)
        #expect(await proxy.serve(services(["b"])).redirected == nil)
        #expect(await moveEndpoint(to: "10.1.0.3") == nil, "the rules for b are still to come")
        let cue = Cue()
        await backEnd.wait(for: cue)
        async let slow = proxy.redirect()
        #expect(await eventually { await backEnd.calls.count == 2 })
        #expect(await moveEndpoint(to: "10.1.0.4") == nil, "they are being brought in force")
        cue.give()
        #expect(await slow.kernel.isInForce)
        #expect(await moveEndpoint(to: "10.1.0.5") != nil)
        await backEnd.fail(.ipv4, .timedOut(program: "iptables-restore", seconds: 60))
        _ = await proxy.serve(services(["c"]))
        #expect(await !proxy.redirect().kernel.isInForce)
        #expect(await moveEndpoint(to: "10.1.0.6") == nil, "they could not be")
        await relay.stop()
    }

    @Test("The node's network is looked at at first, and again when that is asked for")
    func looks() async throws {
        let looks = Guarded(0)
        let second = NetworkInterfaces(addresses: [.init("eth0", ip("192.168.1.6"))])
        let proxy = NodeProxy(relay: relay, settings: Self.settings, backEnd: backEnd) {
            looks.withLock { looks in
                looks += 1
                return looks == 1 ? Self.network : second
            }
        }
        for name in ["a", "b", "c"] {
            #expect(await proxy.serve(services([name])).addresses.primary[.ipv4] == ip("192.168.1.5"))
        }
        #expect(looks.withLock { $0 } == 1)
        #expect(await proxy.retry().addresses.primary[.ipv4] == ip("192.168.1.6"))
        #expect(await proxy.serve(services(["d"])).addresses.primary[.ipv4] == ip("192.168.1.6"))
        #expect(looks.withLock { $0 } == 2)
        await relay.stop()
    }

    @Test("Doors that there was no room for are not kept once nobody wants them any more")
    func noRoom() async throws {
        let small = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 64)))
        let proxy = NodeProxy(
            relay: small, settings: Self.settings, backEnd: backEnd, look: { Self.network })
        let names = (0..<(small.budget.listeners + 2)).map { "s\(1000 + $0)" }
        let crowded = await proxy.serve(services(names))
        #expect(crowded.problems.count { $0.kind == .resources } == 1)
        #expect(await proxy.redirect().kernel.isInForce)
        let fewer = await proxy.serve(services([], gone: Array(names.dropFirst(3))))
        #expect(!fewer.problems.contains { $0.kind == .resources }, "what is left has room")
        await small.stop()
    }

    @Test("While the machine cannot be looked at, its addresses stay as they were, and all that is served")
    func blind() async throws {
        struct Blindness: Error {}
        let isBlind = Locked(false)
        let proxy = NodeProxy(
            relay: relay, settings: Self.settings, backEnd: backEnd,
            look: { if isBlind.withLock({ $0 }) { throw Blindness() } else { Self.network } })
        _ = await proxy.serve(services(["a"]))
        #expect(await proxy.redirect().kernel.isInForce)
        isBlind.withLock { $0 = true }
        let served = await proxy.retry()
        #expect(served.serviceCount == 1 && served.problems.isEmpty, "\(served.problems)")
        #expect(isOpen("a"))
        await relay.stop()
    }

    @Test("What is opened while rules are being applied stays open when that is done")
    func openedMeanwhile() async throws {
        let cue = Cue()
        await backEnd.wait(for: cue)
        _ = await proxy.serve(services(["a", "b"]))
        async let slow = proxy.redirect()
        #expect(await eventually { await backEnd.calls.count == 1 })
        let served = await proxy.serve(services(["c"]))
        #expect(served.problems == [] && served.portCount == 3)
        cue.give()
        #expect(await slow.kernel.isInForce)
        for name in ["a", "b", "c"] { #expect(isOpen(name), "\(name)") }
        await relay.stop()
    }

    @Test("What is gone stays open until the rules have followed, and if they cannot, until they can")
    func closedAfterwards() async throws {
        _ = await proxy.serve(services(["a", "b"]))
        #expect(await proxy.redirect().kernel.isInForce)
        _ = await proxy.serve(services([], gone: ["b"]))
        #expect(isOpen("b"), "rules still lead there")
        await backEnd.fail(.ipv4, .timedOut(program: "iptables-restore", seconds: 60))
        #expect(await !proxy.redirect().kernel.isInForce)
        #expect(isOpen("b"))
        await backEnd.fail(.ipv4, nil)
        #expect(await proxy.redirect().kernel.isInForce)
        #expect(await eventually { !isOpen("b") } && isOpen("a"))
        await relay.stop()
    }

    @Test("What is gone while rules are being applied stays open until they have been applied once more")
    func goneMeanwhile() async throws {
        _ = await proxy.serve(services(["a", "b"]))
        #expect(await proxy.redirect().kernel.isInForce)
        let cue = Cue()
        await backEnd.wait(for: cue)
        async let slow = proxy.redirect(checking: true)
        #expect(await eventually { await backEnd.calls.count == 2 })
        _ = await proxy.serve(services([], gone: ["b"]))
        cue.give()
        #expect(await slow.kernel.isInForce)
        #expect(isOpen("b"), "these rules were of before")
        #expect(await proxy.redirect().kernel.isInForce)
        #expect(await eventually { !isOpen("b") } && isOpen("a"))
        await relay.stop()
    }

    @Test("Rules that are applied while a change is being served are of before it")
    func appliedMeanwhile() async throws {
        for round in 0..<10 {
            let (old, new) = ("old-\(round)", (0..<40).map { "new-\(round)-\($0)" })
            _ = await proxy.serve(services([old]))
            #expect(await proxy.redirect().kernel.isInForce)
            async let serving = proxy.serve(services(new, gone: [old]))
            try await Task.sleep(for: .milliseconds(1))
            _ = await proxy.redirect()
            if await backEnd.told.services[key(old)] != nil { #expect(isOpen(old), "rules lead there") }
            _ = await serving
            _ = await proxy.redirect()
            #expect(await eventually { !isOpen(old) })
            _ = await proxy.serve(services([], gone: new))
            _ = await proxy.redirect()
        }
        await relay.stop()
    }

    @Test("An endpoint at an address that rules still capture is let in once they do not")
    func letIn() async throws {
        var changes = services(["a", "b"])
        _ = await proxy.serve(changes)
        #expect(await proxy.redirect().kernel.isInForce)
        let address = try #require(
            changes.objects[ObjectID(.service, key("b"))]?.flatMap { object -> IPAddress? in
                if case .service(let service) = object { service.spec.clusterIPs.first?.address } else { nil }
            })
        // What was b's address is a pod's now.
        changes = services([], gone: ["b"])
        var slice = slice(of: "a", ports: [.init(port: 80)], [endpoint("\(address)")])
        slice.metadata.namespace = "race"
        changes.update(.endpointSlice(slice))
        let refused = await proxy.serve(changes)
        #expect(refused.services[key("a")]??.ports.first?.endpoints == [])
        #expect(await proxy.redirect().isToBeServed)
        let served = await proxy.retry()
        #expect(served.services[key("a")]??.ports.first?.endpoints.map(\.address.ip) == [address])
        #expect(await !proxy.redirect().isToBeServed)
        await relay.stop()
    }
}
