import Balancing
import Base
import Cluster
import Foundation
import Objects
import Resolution
import TestSupport
import Testing

@testable import Manifests

/// A typed list of an API server.
private struct List<Item: Decodable>: Decodable {
    var items: [Item]
}

/// Objects as real API servers and a real kube-proxy saw them.
@Suite("Recorded objects")
struct FixtureTests {
    @Test("The manifests of the recorded userspace proxy, as one folder")
    func userspaceManifests() async throws {
        let result = await load([.path(try fixture("userspace"))])
        #expect(result.problems.isEmpty)
        #expect(result.state.services.count == 17)
        #expect(result.state.endpointSlices.count == 20)
        #expect(result.state.endpoints.count == 14)
        #expect(result.state.nodes.map(\.zone) == ["zone-a", "zone-b"])
        #expect(
            result.notes.map { $0.split(separator: "/").last.map(String.init) } == [
                "00-nodes.yaml: skipped 1 Namespace"
            ])

        let resolution = result.state.resolve(ResolutionContext(nodeName: "node-a"))
        let ports = Dictionary(uniqueKeysWithValues: resolution.ports.map { ($0.name.description, $0) })
        func selection(_ name: String) -> FamilySelection? { ports[name]?.endpoints.ipv4 }
        #expect(
            selection("default/my-service")?.cluster.map(\.address.description) == [
                "10.250.1.31:9376", "10.250.1.32:9376",
            ])
        #expect(selection("default/my-lb:http")?.topology == .preferSameZone)
        #expect(selection("default/my-lb:http")?.cluster.count == 2)
        #expect(selection("default/my-lb-local:http")?.local.map(\.address.description) == ["10.250.1.31:9376"])
        #expect(
            ports["default/my-lb-local:http"]?.healthCheck == ServiceHealthCheck(nodePort: 32100, localEndpoints: 1))
        #expect(ports["default/my-dual:http"]?.endpoints.ipv6.cluster.count == 2)
        #expect(selection("shop/my-multiport:https")?.cluster.map(\.address.description) == ["10.250.1.32:9443"])
        #expect(selection("shop/my-internal-local:http")?.local.count == 1)
        #expect(selection("shop/my-no-endpoints:http")?.hasAny == false)
        #expect(selection("shop/my-lb-hostname:http")?.cluster.count == 2)
        #expect(ports["default/my-affinity:http"]?.affinity == .clientIP(seconds: 100))
        #expect(
            resolution.notes.map(\.description) == [
                "Service default/my-external-name: ExternalName, a matter for DNS, not proxied",
                "Service default/my-headless: headless, not proxied",
                "Service default/my-sctp: port sctp: SCTP is not supported, not proxied",
            ])
    }

    @Test("Lists of API servers, by the tree decoder and by Foundation's", arguments: ["1.25", "1.36"])
    func apiLists(_ version: String) async throws {
        func foundation<Item: Decodable>(
            _ name: String, _ type: Item.Type, key: (Item) -> ObjectKey
        ) throws -> [Item] {
            let data = try Data(contentsOf: URL(filePath: fixture("api/\(version)/\(name).json")))
            return try JSONDecoder().decode(List<Item>.self, from: data).items.sorted { key($0) < key($1) }
        }
        let names = ["services-list", "endpointslices-list", "endpoints-list", "nodes-list"]
        let inputs = try names.map { ManifestInput.path(try fixture("api/\(version)/\($0).json")) }
        let result = await load(inputs)
        #expect(result.problems.isEmpty && result.notes.isEmpty)
        #expect(result.state.services.count > 15)
        #expect(result.state.services == (try foundation("services-list", Service.self, key: \.metadata.key)))
        #expect(
            result.state.endpointSlices
                == (try foundation("endpointslices-list", EndpointSlice.self, key: \.metadata.key)))
        #expect(result.state.endpoints == (try foundation("endpoints-list", Endpoints.self, key: \.metadata.key)))
        #expect(result.state.nodes == (try foundation("nodes-list", Node.self, key: \.metadata.key)))
    }

    @Test("Slices of the real controller: ready, then terminating, then null")
    func controllerSlices() throws {
        let file = try Data(contentsOf: URL(filePath: fixture("api/1.25/endpointslices-watch.jsonl")))
        struct Event: Decodable {
            struct Header: Decodable { var kind: String, metadata: [String: Ignored] }
            struct Ignored: Decodable { init(from decoder: any Decoder) {} }
            var type: String
        }
        struct Change: Decodable { var object: EndpointSlice }
        var slices: [EndpointSlice] = []
        for line in file.split(separator: UInt8(ascii: "\n")) {
            // Bookmarks carry a version and nothing else.
            guard try JSONDecoder().decode(Event.self, from: line).type != "BOOKMARK" else { continue }
            slices.append(try JSONDecoder().decode(Change.self, from: line).object)
        }
        #expect(slices.count > 10)
        #expect(slices.contains { $0.endpoints.contains { $0.terminating == true } })
        #expect(slices.contains { $0.endpoints.isEmpty && $0.ports.isEmpty })
        #expect(slices.contains { $0.addressType == .ipv6 })
        #expect(slices.allSatisfy { $0.serviceName != nil })
        #expect(slices.contains { $0.endpoints.contains { $0.podName?.hasPrefix("web-") == true } })
    }

    @Test("A pod that terminates, in a mixed list")
    func terminating() async throws {
        let result = await load([.path(try fixture("api/1.25/web-terminating.json"))])
        #expect(result.problems.isEmpty)
        #expect(result.state.endpointSlices.flatMap(\.endpoints).contains { $0.terminating == true })
    }
}
