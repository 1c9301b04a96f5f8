import APIProxy
import APITestSupport
import Glibc
import KubernetesAPI
import Objects
import Relay
import TestSupport
import Testing

@testable import portico

/// Services as `portico proxy` follows them.
@Suite("Services by request", .timeLimit(.minutes(1))) struct ClusterBackendsTests {
    /// An API server with Services of namespace `shop`, each followed by watches of its own.
    private struct Rig {
        let server: ScriptedAPIServer
        let services = ObjectShelf("v1", "Service", at: "/api/v1/namespaces/shop/services")
        let slices = ObjectShelf(
            "discovery.k8s.io/v1", "EndpointSlice", at: "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices")
        let asked = Locked<[String]>([])

        init() async throws {
            server = try await ScriptedAPIServer(offersHTTP2: false)
            for shelf in [services, slices] { server.serve(shelf) }
        }

        func put(_ name: String, ports: String) {
            func text(_ version: String) -> String {
                #"{"kind":"Service","apiVersion":"v1","metadata":{"name":"\#(name)","namespace":"shop","#
                    + #""resourceVersion":"\#(version)"},"spec":{"selector":{"app":"\#(name)"},"ports":\#(ports)}}"#
            }
            services.put("shop/\(name)", text)
            server.on("GET", services.path + "/\(name)", .answer(200, text("1")))
        }

        func put(endpoints pods: [String], of name: String, port: String) {
            let entries = pods.enumerated().map { index, pod in
                #"{"addresses":["192.0.2.\#(index + 1)"],"conditions":{"ready":true},"#
                    + #""targetRef":{"kind":"Pod","name":"\#(pod)"}}"#
            }.joined(separator: ",")
            slices.put("shop/\(name)-\(port)") { version in
                #"{"metadata":{"name":"\#(name)-\#(port)","namespace":"shop","resourceVersion":"\#(version)","#
                    + #""labels":{"kubernetes.io/service-name":"\#(name)"}},"addressType":"IPv4","#
                    + #""ports":[{"name":"\#(port)","port":8080,"protocol":"TCP"}],"endpoints":[\#(entries)]}"#
            }
        }

        /// - Parameter refusing: pods whose tunnels fail.
        func backends(
            most: Int = 24, idle: Duration = .seconds(300), refusing: Set<String> = []
        ) throws -> ClusterBackends {
            let access = ClusterAccess(
                origin: "test", server: ServerURL(isSecure: false, host: "127.0.0.1", port: server.port))
            let reach = PodReach(.tunnel) { [asked] pod, _, deliver in
                asked.withLock { $0.append(pod.name) }
                var ends: [Int32] = [-1, -1]
                guard !refusing.contains(pod.name), socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0
                else { return deliver(.failed(ECONNREFUSED)) }
                close(ends[1])
                deliver(.connected(ends[0]))
            }
            return ClusterBackends(try NamedCluster(access, mayAsk: false).client, reach, most: most, idle: idle)
        }
    }

    private static let one = #"[{"name":"http","port":80}]"#
    private static let two = #"[{"name":"http","port":80},{"name":"admin","port":9090}]"#

    private func refusal(
        _ backends: ClusterBackends, _ service: String, _ port: RequestedPort?
    ) async -> ServiceRefusal? {
        do throws(ServiceRefusal) {
            _ = try await backends.backend(namespace: "shop", service: service, port: port)
            return nil
        } catch {
            return error
        }
    }

    @Test("A port by its number, by its name, and the only one without either; else it is said what there is")
    func ports() async throws {
        let rig = try await Rig()
        rig.put("one", ports: Self.one)
        rig.put("two", ports: Self.two)
        for name in ["one", "two"] { rig.put(endpoints: ["\(name)-1"], of: name, port: "http") }
        let backends = try rig.backends()
        #expect(await refusal(backends, "one", nil) == nil)
        for port in [RequestedPort.number(80), .name("http")] { #expect(await refusal(backends, "two", port) == nil) }
        #expect(await refusal(backends, "two", nil) == .severalPorts(["admin (9090)", "http (80)"]))
        #expect(await refusal(backends, "two", .number(81)) == .noPort(81))
        #expect(await refusal(backends, "two", .name("x")) == .noPortNamed("x"))
        #expect(await refusal(backends, "two", .name("admin")) == .noEndpoints)
        rig.server.on(
            "GET", rig.services.path + "/none", .status(404, reason: "NotFound", message: "not found"))
        #expect(await refusal(backends, "none", nil) == .noService)
        for name in ["a/b", "..", ""] { #expect(await refusal(backends, name, nil) == .noService) }
    }

    @Test("A pod that refuses is passed over for a while")
    func penalty() async throws {
        let rig = try await Rig()
        rig.put("one", ports: Self.one)
        rig.put(endpoints: ["good", "bad"], of: "one", port: "http")
        let backends = try rig.backends(refusing: ["bad"])
        let backend = try await backends.backend(namespace: "shop", service: "one", port: nil)
        #expect(backend.attempts == 2)
        for _ in 0..<10 {
            do {
                close(try await backend.connect().descriptor)
            } catch {
                #expect("\(error)".contains("connection refused"))
            }
        }
        #expect(rig.asked.withLock { $0.count { $0 == "bad" } } == 1)
    }

    @Test("Beyond so many Services the one that was asked for longest ago is no longer followed")
    func most() async throws {
        let rig = try await Rig()
        let names = ["a", "b", "c"]
        for name in names {
            rig.put(name, ports: Self.one)
            rig.put(endpoints: ["\(name)-1"], of: name, port: "http")
        }
        let backends = try rig.backends(most: 2)
        for name in ["a", "b", "a", "c"] { #expect(await refusal(backends, name, nil) == nil) }
        #expect(await eventually { rig.services.openWatches == 2 && rig.slices.openWatches == 2 })
        let lookups = rig.server.requests.count { $0.path == rig.services.path + "/a" }
        #expect(await refusal(backends, "a", nil) == nil)
        #expect(rig.server.requests.count { $0.path == rig.services.path + "/a" } == lookups, "it is still followed")
    }

    @Test("One that nobody asks for is let go with the next request")
    func idle() async throws {
        let rig = try await Rig()
        for name in ["a", "b"] {
            rig.put(name, ports: Self.one)
            rig.put(endpoints: ["\(name)-1"], of: name, port: "http")
        }
        let backends = try rig.backends(idle: .zero)
        for name in ["a", "b"] { #expect(await refusal(backends, name, nil) == nil) }
        #expect(await eventually { rig.services.openWatches == 1 && rig.slices.openWatches == 1 })
    }
}
