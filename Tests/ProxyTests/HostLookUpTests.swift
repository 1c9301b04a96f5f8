import Balancing
import Base
import Cluster
import Objects
import Relay
import Status
import TestSupport
import Testing

@testable import Proxy

/// Endpoints that are given by host names, and resolvers that take their time.
@Suite("Looking up host names", .timeLimit(.minutes(1))) struct HostLookUpTests {
    /// Gives answers when it is told to.
    private final class Resolver: Sendable {
        private let waiting = Locked<[String: [CheckedContinuation<[IPAddress], Never>]]>([:])

        func addresses(of name: String) async -> [IPAddress] {
            await withCheckedContinuation { continuation in
                waiting.withLock { $0[name, default: []].append(continuation) }
            }
        }

        /// How often each name is being asked for.
        var asked: [String: Int] { waiting.withLock { $0.mapValues(\.count).filter { $0.value > 0 } } }

        /// - Parameter last: answers who asked last, else who asked first.
        func answer(_ name: String, _ addresses: [IPAddress], last: Bool = false) {
            let next = waiting.withLock { waiting in
                last ? waiting[name]?.popLast() : waiting[name].map { _ in waiting[name, default: []].removeFirst() }
            }
            next?.resume(returning: addresses)
        }
    }

    private let resolver = Resolver()
    private let relay: Relay
    private let proxy: DevelopmentProxy

    init() throws {
        relay = try Relay(RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 256)))
        var settings = DevelopmentProxy.Settings()
        settings.staticServices = ["db", "web"].map { name in
            StaticService(
                namespace: "default", service: name, port: 80, transport: .tcp,
                endpoints: [.init(host: .name("\(name).test"), port: 80)])
        }
        settings.resolve = { [resolver] in await resolver.addresses(of: $0) }
        proxy = DevelopmentProxy(relay: relay, settings: settings)
    }

    private func endpoints(_ served: DevelopmentProxy.Served, _ name: String) -> [String] {
        let service = served.services[ObjectKey(namespace: "default", name: name)] ?? nil
        return service?.ports.flatMap { $0.endpoints.map { "\($0.address.ip)" } } ?? []
    }

    @Test("All names are asked for at once, and what changes meanwhile is served meanwhile")
    func silent() async throws {
        _ = await proxy.apply(ObjectChanges())
        async let found = proxy.lookUp()
        #expect(await eventually { resolver.asked == ["db.test": 1, "web.test": 1] })
        var changes = ObjectChanges()
        changes.update(
            .service(
                Service(
                    metadata: ObjectMeta(name: "api"), spec: ServiceSpec(ports: [ServicePortSpec(port: 8080)]))))
        let served = await proxy.apply(changes)
        #expect(served.services.keys.map(\.name) == ["api"], "while nobody has answered")
        resolver.answer("web.test", [ip("192.0.2.1")])
        resolver.answer("db.test", [ip("192.0.2.2")])
        let all = await proxy.apply(found)
        #expect(endpoints(all, "web") == ["192.0.2.1"] && endpoints(all, "db") == ["192.0.2.2"])
        await relay.stop()
    }

    @Test("An answer to a question that was asked before another counts no more once that has been answered")
    func late() async throws {
        _ = await proxy.apply(ObjectChanges())
        async let early = proxy.lookUp()
        #expect(await eventually { resolver.asked == ["db.test": 1, "web.test": 1] })
        async let late = proxy.lookUp()
        #expect(await eventually { resolver.asked == ["db.test": 2, "web.test": 2] })
        for name in ["db.test", "web.test"] { resolver.answer(name, [ip("192.0.2.2")], last: true) }
        #expect(await endpoints(proxy.apply(late), "web") == ["192.0.2.2"])
        for name in ["db.test", "web.test"] { resolver.answer(name, [ip("192.0.2.1")]) }
        #expect(await proxy.apply(early).services.isEmpty, "nothing has changed")
        await relay.stop()
    }
}
