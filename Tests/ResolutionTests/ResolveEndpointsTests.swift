import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

@Suite("Where endpoints come from")
struct ResolveEndpointsTests {
    private func addresses(_ state: ClusterState) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for port in state.resolve().ports { result[port.name.port] = port.endpoints.ipv4.clusterText }
        return result
    }

    private let twoPorts = service(
        ports: [ServicePortSpec(name: "p", port: 1), ServicePortSpec(name: "q", transport: .udp, port: 1)])

    @Test("Several slices with different numbers for one name")
    func severalSlices() {
        let state = ClusterState(
            services: [twoPorts],
            endpointSlices: [
                slice(
                    name: "b", ports: [.init(name: "p", port: 3), .init(name: "q", transport: .udp, port: 4)],
                    [endpoint("10.0.0.3")]),
                slice(
                    name: "a", ports: [.init(name: "p", port: 1), .init(name: "q", transport: .udp, port: 2)],
                    [endpoint("10.0.0.2"), endpoint("10.0.0.10")]),
            ])
        #expect(
            addresses(state) == [
                "p": ["10.0.0.2:1", "10.0.0.3:3", "10.0.0.10:1"], "q": ["10.0.0.2:2", "10.0.0.3:4", "10.0.0.10:2"],
            ])
    }

    @Test("Removal of a slice, of a port, and of everything")
    func removal() {
        let both: [EndpointSlice.Port] = [.init(name: "p", port: 1), .init(name: "q", transport: .udp, port: 2)]
        var state = ClusterState(
            services: [twoPorts],
            endpointSlices: [
                slice(name: "a", ports: both, [endpoint("10.0.0.1")]),
                slice(name: "b", ports: both, [endpoint("10.0.0.2")]),
            ])
        #expect(addresses(state) == ["p": ["10.0.0.1:1", "10.0.0.2:1"], "q": ["10.0.0.1:2", "10.0.0.2:2"]])
        state.endpointSlices.removeFirst()
        #expect(addresses(state) == ["p": ["10.0.0.2:1"], "q": ["10.0.0.2:2"]])
        state.endpointSlices[0].ports.removeLast()
        #expect(addresses(state) == ["p": ["10.0.0.2:1"], "q": []])
        state.endpointSlices = []
        #expect(addresses(state) == ["p": [], "q": []])
    }

    @Test("A slice's port must have the name and the protocol; the mistake is explained")
    func mismatch() {
        let state = ClusterState(
            services: [service()],
            endpointSlices: [
                slice(
                    ports: [.init(name: "web", port: 1), .init(name: "http", transport: .udp, port: 2)],
                    [endpoint("10.0.0.1")])
            ])
        #expect(addresses(state) == ["http": []])
        #expect(
            state.resolve().notes.map(\.text) == [
                "port http (TCP): no endpoints, since its EndpointSlices have only web TCP, http UDP"
            ])
    }

    @Test("Ports without number, slices of host names and endpoints without address are passed over")
    func unusable() {
        let state = ClusterState(
            services: [service()],
            endpointSlices: [
                slice(name: "a", ports: [.init(name: "http", port: nil)], [endpoint("10.0.0.1")]),
                slice(name: "b", type: .fqdn, []),
                slice(name: "c", [EndpointSlice.Endpoint(address: nil), endpoint("10.0.0.2")]),
            ])
        #expect(addresses(state) == ["http": ["10.0.0.2:8080"]])
    }

    @Test("A duplicate that is not terminating wins, in either order", arguments: [true, false])
    func duplicates(terminatingFirst: Bool) throws {
        let states: [EndpointCondition] = terminatingFirst ? [.terminating, .ready] : [.ready, .terminating]
        let slices = zip(["a", "b"], states).map { slice(name: $0, [endpoint("10.0.0.1", $1)]) }
        // One that is terminating has no place beside one that is ready.
        let other = slice(name: "c", [endpoint("10.0.0.2")])
        let port = try #require(ClusterState(services: [service()], endpointSlices: slices + [other]).onlyPort())
        #expect(port.endpoints.ipv4.cluster.map(\.address.ip.description) == ["10.0.0.1", "10.0.0.2"])
    }

    @Test("Slices without a service label are noted, those labelled headless ignored")
    func labels() {
        var stray = slice(name: "stray", [endpoint("10.0.0.1")])
        stray.metadata.labels = [:]
        let headless = slice(labels: [WellKnownLabel.headless: ""], [endpoint("10.0.0.2")])
        let other = slice(of: "other", [endpoint("10.0.0.3")])
        let state = ClusterState(services: [service()], endpointSlices: [stray, headless, other])
        #expect(addresses(state) == ["http": []])
        #expect(
            state.resolve().notes.map(\.description) == [
                "EndpointSlice default/stray: no label kubernetes.io/service-name, ignored"
            ])
    }

    @Test("An Endpoints object: subsets, ready addresses only, protocol ignored")
    func endpointsObject() throws {
        let object = Endpoints(
            metadata: ObjectMeta(name: "web"),
            subsets: [
                .init(
                    addresses: [.init(ip: ip("10.0.0.1"), podName: "web-1"), .init(ip: ip("10.0.0.2"))],
                    notReadyAddresses: [.init(ip: ip("10.0.0.9"))],
                    ports: [.init(name: "p", port: 1), .init(name: "q", port: 2)]),
                .init(
                    addresses: [.init(ip: ip("10.0.0.3"))],
                    ports: [.init(name: "p", port: 3), .init(name: "q", port: 4)]),
            ])
        let state = ClusterState(services: [twoPorts], endpoints: [object])
        #expect(
            addresses(state) == [
                "p": ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:3"], "q": ["10.0.0.1:2", "10.0.0.2:2", "10.0.0.3:4"],
            ])
        let port = try #require(state.resolve().ports.first)
        #expect(port.endpointSource == .endpoints)
        #expect(port.endpoints.ipv4.cluster.map(\.podName) == ["web-1", nil, nil])
    }

    @Test("Slices come before the Endpoints object, that before pods; they are never mixed")
    func precedence() throws {
        let web = service { $0.selector = ["app": "web"] }
        let object = Endpoints(
            metadata: ObjectMeta(name: "web"),
            subsets: [.init(addresses: [.init(ip: ip("10.0.0.2"))], ports: [.init(name: "http", port: 80)])])
        var state = ClusterState(
            services: [web], endpointSlices: [slice([endpoint("10.0.0.1")])], endpoints: [object],
            pods: [pod("web-3", ["10.0.0.3"])])
        #expect(addresses(state) == ["http": ["10.0.0.1:8080"]])
        state.endpointSlices[0].endpoints = []
        #expect(addresses(state) == ["http": []])
        state.endpointSlices = []
        #expect(addresses(state) == ["http": ["10.0.0.2:80"]])
        state.endpoints = []
        #expect(addresses(state) == ["http": ["10.0.0.3:80"]])
        #expect(try #require(state.onlyPort()).endpointSource == .pods)
    }

    @Test("Of very many other ports a few are named")
    func manyOtherPorts() {
        let slices = (0..<200).map {
            slice(name: "s\($0 + 100)", ports: [.init(name: "p\($0 + 100)", port: 80)], [endpoint("10.0.0.1")])
        }
        let notes = ClusterState(services: [service()], endpointSlices: slices).resolve().notes.map(\.text)
        let first = (100..<110).map { "p\($0) TCP" }.joined(separator: ", ")
        #expect(notes.count == 1 && notes[0].hasSuffix("have only \(first) and 190 more"), "\(notes)")
    }

    @Test("Ten thousand services of ten endpoints resolve completely")
    func large() throws {
        var state = ClusterState()
        for index in 0..<10_000 {
            let name = "svc-\(index)"
            state.services.append(
                service(name, clusterIPs: ["10.\(96 + index / 65536).\(index / 256 % 256).\(index % 256)"]))
            let endpoints = (0..<10).map { endpoint("10.\(index / 256).\(index % 256).\($0)", node: "here") }
            state.endpointSlices.append(slice(of: name, endpoints))
        }
        let ports = state.resolve(ResolutionContext(nodeName: "here")).ports
        #expect(ports.count == 10_000)
        #expect(ports.allSatisfy { $0.endpoints.ipv4.cluster.count == 10 })
    }
}
