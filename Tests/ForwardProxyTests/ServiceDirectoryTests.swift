import Balancing
import Base
import ForwardProxy
import Objects
import TestSupport
import Testing

@Suite("Where a name or an address leads")
struct ServiceDirectoryTests {
    private func id(_ namespace: String, _ service: String, _ port: String = "") -> ServicePortID {
        ServicePortID(ServicePortName(namespace: namespace, service: service, port: port), .tcp)
    }

    private func directory() throws -> ServiceDirectory {
        var directory = ServiceDirectory(domain: "cluster.local", namespace: "shop")
        var web = ServiceDirectory.Entry()
        web.addresses = [try #require(IPAddress("10.96.0.10")), try #require(IPAddress("127.64.1.2"))]
        web.ports = [
            .init(id: id("shop", "web", "http"), number: 80, servedNumber: 8080),
            .init(id: id("shop", "web", "metrics"), number: 9090, absence: "no pod is ready"),
            .init(
                id: ServicePortID(ServicePortName(namespace: "shop", service: "web", port: "dns"), .udp), number: 53),
        ]
        directory.update(ObjectKey(namespace: "shop", name: "web"), web)
        var other = ServiceDirectory.Entry()
        other.ports = [.init(id: id("default", "web"), number: 80)]
        directory.update(ObjectKey(namespace: "default", name: "web"), other)
        var db = ServiceDirectory.Entry()
        db.pods = try [("db-0", "10.1.0.1:5432"), ("db-1", "10.1.0.2:5432")].map { name, address in
            .init(name: name, address: try #require(EndpointAddress(address)))
        }
        directory.update(ObjectKey(namespace: "shop", name: "db"), db)
        return directory
    }

    private func find(_ directory: ServiceDirectory, _ name: String, _ port: UInt16 = 80) -> ServiceDirectory.Finding {
        directory.find(ForwardTarget(host: IPAddress(name).map { .address($0) } ?? .name(name), port: port))
    }

    @Test(
        "All names of a Service, in any case",
        arguments: [
            "web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local", "web.", "web.shop.svc.cluster.local.",
            "WEB.Shop.SVC.Cluster.Local", "10.96.0.10", "127.64.1.2",
        ])
    func names(name: String) throws {
        #expect(find(try directory(), name) == .service(id("shop", "web", "http")))
    }

    @Test("Another namespace's")
    func otherNamespace() throws {
        for name in ["web.default", "web.default.svc", "web.default.svc.cluster.local"] {
            #expect(find(try directory(), name) == .service(id("default", "web")))
        }
    }

    @Test("Everything else is somebody else's, unless nobody else can have such a name")
    func outside() throws {
        let directory = try directory()
        for name in [
            "example.com", "api", "web.com", "svc", "cluster.local", "10.96.0.11", "::1", "localhost", "a.b.c.d",
        ] {
            guard case .outside(let target, let reason) = find(directory, name) else {
                Issue.record("\(name)")
                continue
            }
            #expect(target.port == 80 && !reason.isEmpty)
        }
        for name in [
            "api.shop.svc", "api.shop.svc.cluster.local", "web.cluster.local", "x.y.z.svc.cluster.local", "web.svc",
            "web..shop", ".web", "..",
        ] {
            guard case .refused(let refusal) = find(directory, name) else {
                Issue.record("\(name)")
                continue
            }
            #expect(refusal.kind == .unknownHost, "\(name)")
        }
    }

    @Test("A port that the Service does not have is refused with those that it has")
    func otherPort() throws {
        let directory = try directory()
        for port: UInt16 in [0, 53, 81, 65_535] {
            guard case .refused(let refusal) = find(directory, "web", port) else {
                Issue.record("\(port)")
                continue
            }
            #expect(refusal.kind == .notAllowed)
            #expect(
                refusal.text == "shop/web has no port \(port); it has 80/tcp (http), 9090/tcp (metrics), 53/udp (dns)")
        }
        // By the address of this machine it is met at the port that is served there, too.
        #expect(find(directory, "127.64.1.2", 8080) == .service(id("shop", "web", "http")))
        guard case .refused = find(directory, "web", 8080) else { throw PeerError.unexpected("by name it is not") }
    }

    @Test("A Service that nobody serves is refused at once, and says why")
    func absence() throws {
        #expect(
            find(try directory(), "web", 9090)
                == .refused(ForwardRefusal(.unavailable, "nobody serves shop/web:metrics: no pod is ready")))
    }

    @Test("Headless Services: all pods, or one by its name")
    func headless() throws {
        let directory = try directory()
        for name in ["db", "db.shop", "db.shop.svc.cluster.local"] {
            guard case .pods("shop", let text, let pods) = find(directory, name, 5432) else {
                Issue.record("\(name)")
                continue
            }
            #expect(text == "*.db" && pods.map(\.name) == ["db-0", "db-1"])
        }
        for name in ["db-1.db", "db-1.db.shop", "DB-1.db.shop.svc", "db-1.db.shop.svc.cluster.local"] {
            guard case .pods(_, "db-1.db", let pods) = find(directory, name, 5432) else {
                Issue.record("\(name)")
                continue
            }
            #expect(pods.map(\.name) == ["db-1"])
        }
        guard case .refused(let refusal) = find(directory, "db", 80) else { throw PeerError.unexpected("no such port") }
        #expect(refusal.text.contains("5432"))
        guard case .refused = find(directory, "db-7.db.shop.svc", 5432) else {
            throw PeerError.unexpected("no such pod")
        }
    }

    @Test("Another name: of a Service, of a host, of none, and in circles")
    func aliases() throws {
        var directory = try directory()
        for (name, target) in [
            ("a", "web.shop.svc.cluster.local"), ("b", "example.com"), ("c", "d.shop.svc"), ("d", "c.shop.svc"),
            ("e", "e"), ("f", "a b"),
        ] {
            var entry = ServiceDirectory.Entry()
            entry.alias = target
            directory.update(ObjectKey(namespace: "shop", name: name), entry)
        }
        #expect(find(directory, "a") == .service(id("shop", "web", "http")))
        guard case .outside(let target, _) = find(directory, "b") else { throw PeerError.unexpected("b") }
        #expect(target.description == "example.com:80")
        for name in ["c", "e", "f"] {
            guard case .refused = find(directory, name) else {
                Issue.record("\(name)")
                continue
            }
        }
    }

    @Test("Services come, change and go, and one address has one holder at a time")
    func changes() throws {
        var directory = try directory()
        let key = ObjectKey(namespace: "shop", name: "web")
        var same = ServiceDirectory.Entry()
        same.addresses = [try #require(IPAddress("10.96.0.10"))]
        same.ports = [.init(id: id("shop", "zzz"), number: 80)]
        directory.update(ObjectKey(namespace: "shop", name: "zzz"), same)
        #expect(find(directory, "10.96.0.10") == .service(id("shop", "web", "http")))
        directory.update(key, nil)
        #expect(find(directory, "10.96.0.10") == .service(id("shop", "zzz")))
        guard case .outside = find(directory, "web") else { throw PeerError.unexpected("it is gone") }
        guard case .outside = find(directory, "127.64.1.2") else { throw PeerError.unexpected("so is its address") }
        same.addresses = []
        directory.update(ObjectKey(namespace: "shop", name: "zzz"), same)
        guard case .outside = find(directory, "10.96.0.10") else { throw PeerError.unexpected("nobody has it") }
    }
}
