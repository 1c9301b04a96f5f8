import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

/// One row of a selection table: who is there, under which policies, and who is chosen.
struct SelectionCase: Sendable, CustomTestStringConvertible {
    var id: String
    var endpoints: [EndpointSlice.Endpoint]
    var internalPolicy = TrafficPolicy.cluster
    var externalPolicy = TrafficPolicy.cluster
    var nodePort: UInt16? = 30000
    var zone: String? = "zone-a"
    var cluster: [String]
    var local: [String] = []
    var hasAny = true
    var topology = TopologyMode.none

    var testDescription: String { id }

    /// The last numbers of the addresses in a selection, which is all that differs.
    static func names(_ endpoints: [ServiceEndpoint]) -> [String] {
        endpoints.map { String($0.address.ip.description.split(separator: ".").last ?? "") }
    }

    func check() throws {
        let service = service {
            $0.internalTrafficPolicy = internalPolicy
            $0.externalTrafficPolicy = externalPolicy
            $0.ports[0].nodePort = nodePort
        }
        let state = ClusterState(services: [service], endpointSlices: [slice(endpoints)])
        let port = try #require(state.onlyPort(ResolutionContext(nodeName: "here", zone: zone)))
        let selection = port.endpoints.ipv4
        #expect(Self.names(selection.cluster) == cluster)
        #expect(Self.names(selection.local) == local)
        #expect(selection.hasAny == hasAny)
        #expect(selection.topology == topology)
    }
}

private func here(
    _ number: Int, _ state: EndpointCondition = .ready, zones: [String] = [], nodes: [String] = []
)
    -> EndpointSlice
    .Endpoint
{ endpoint("10.0.0.\(number)", state, node: "here", zones: zones, nodes: nodes) }

private func there(
    _ number: Int, _ state: EndpointCondition = .ready, zones: [String] = [], nodes: [String] = []
)
    -> EndpointSlice.Endpoint
{ endpoint("10.0.0.\(number)", state, node: "there", zones: zones, nodes: nodes) }

@Suite("Endpoint selection")
struct EndpointSelectionTests {
    static let localCases = [
        SelectionCase(
            id: "I10 ready local endpoints: only those",
            endpoints: [here(1), here(2, .terminating), there(3)], internalPolicy: .local, externalPolicy: .local,
            cluster: ["1", "3"], local: ["1"]),
        SelectionCase(
            id: "I10 only terminating local ones: those, while the cluster list stays normal",
            endpoints: [here(1, .terminating), here(2, .gone), there(3)], externalPolicy: .local,
            cluster: ["3"], local: ["1"]),
        SelectionCase(
            id: "I10 only remote terminating ones: pods reach them, outsiders are dropped",
            endpoints: [here(1, .unready), there(2, .terminating)], externalPolicy: .local,
            cluster: ["2"], local: []),
        SelectionCase(
            id: "I10 none usable: refused", endpoints: [here(1, .gone), there(2, .unready)], externalPolicy: .local,
            cluster: [], local: [], hasAny: false),
        SelectionCase(
            id: "I8 internal Local without outside access needs no cluster list",
            endpoints: [here(1), there(2)], internalPolicy: .local, nodePort: nil, cluster: [], local: ["1"]),
        SelectionCase(
            id: "I8 internal Local with remote endpoints only: dropped, not refused",
            endpoints: [there(2)], internalPolicy: .local, nodePort: nil, cluster: [], local: [], hasAny: true),
        SelectionCase(
            id: "an endpoint without node is not local", endpoints: [endpoint("10.0.0.9")], externalPolicy: .local,
            cluster: ["9"], local: []),
    ]

    static let clusterCases = [
        SelectionCase(
            id: "I11 any ready: only ready", endpoints: [here(1), there(2, .terminating), there(3, .unready)],
            cluster: ["1"]),
        SelectionCase(
            id: "I11 none ready: serving and terminating",
            endpoints: [here(1, .terminating), there(2, .gone), there(3, .unready)],
            cluster: ["1"]),
        SelectionCase(id: "I11 none at all: refused", endpoints: [], cluster: [], hasAny: false),
        SelectionCase(
            id: "I11 unready and not terminating is never used", endpoints: [here(1, .unready)], cluster: [],
            hasAny: false),
        SelectionCase(
            id: "serving is no last resort without terminating",
            endpoints: [here(1, .lingering), there(2, .terminating)], externalPolicy: .local, cluster: ["2"], local: []),
        SelectionCase(
            id: "serving alone is never used", endpoints: [here(1, .lingering)], cluster: [], hasAny: false),
        SelectionCase(id: "no conditions mean ready", endpoints: [endpoint("10.0.0.1", .unsaid)], cluster: ["1"]),
    ]

    static let topologyCases = [
        SelectionCase(
            id: "I19 zone hints used", endpoints: [here(1, zones: ["zone-a"]), there(2, zones: ["zone-b"])],
            cluster: ["1"], topology: .preferSameZone),
        SelectionCase(
            id: "I19 several zones per endpoint",
            endpoints: [
                here(1, zones: ["zone-b", "zone-a"]), there(2, zones: ["zone-b"]), there(3, zones: ["zone-a"]),
            ],
            cluster: ["1", "3"], topology: .preferSameZone),
        SelectionCase(
            id: "I19 ignored for the Local list",
            endpoints: [here(1, zones: ["zone-b"]), here(2, zones: ["zone-a"])], externalPolicy: .local,
            cluster: ["2"], local: ["1", "2"], topology: .preferSameZone),
        SelectionCase(
            id: "I19 ignored if the node has no zone",
            endpoints: [here(1, zones: ["zone-a"]), there(2, zones: ["zone-b"])],
            zone: nil, cluster: ["1", "2"]),
        SelectionCase(
            id: "I19 ignored if the zone has no endpoint",
            endpoints: [here(1, zones: ["zone-b"]), there(2, zones: ["zone-c"])], cluster: ["1", "2"]),
        SelectionCase(
            id: "I19 ignored if a ready endpoint lacks hints",
            endpoints: [here(1, zones: ["zone-a"]), there(2)], cluster: ["1", "2"]),
        SelectionCase(
            id: "I19 hints of unready endpoints do not matter",
            endpoints: [here(1, zones: ["zone-a"]), there(2, zones: ["zone-b"]), there(3, .unready)],
            cluster: ["1"], topology: .preferSameZone),
        SelectionCase(
            id: "I19 fallback to terminating ignores topology",
            endpoints: [here(1, .terminating, zones: ["zone-a"]), there(2, .terminating, zones: ["zone-b"])],
            cluster: ["1", "2"]),
        SelectionCase(
            id: "I19 PreferSameNode used before the zone",
            endpoints: [
                here(1, zones: ["zone-a"], nodes: ["here"]), there(2, zones: ["zone-a"], nodes: ["there"]),
            ], cluster: ["1"], topology: .preferSameNode),
        SelectionCase(
            id: "I19 PreferSameNode falls back to the zone if some lack node hints",
            endpoints: [
                here(1, zones: ["zone-a"], nodes: ["here"]), there(2, zones: ["zone-a"]), there(3, zones: ["zone-b"]),
            ], cluster: ["1", "2"], topology: .preferSameZone),
        SelectionCase(
            id: "I19 PreferSameNode falls back to the zone if none names this node",
            endpoints: [
                there(2, zones: ["zone-a"], nodes: ["there"]), there(3, zones: ["zone-b"], nodes: ["there"]),
            ], cluster: ["2"], topology: .preferSameZone),
        SelectionCase(
            id: "I19 external Local ignored for internal-only services", endpoints: [here(1), there(2)],
            externalPolicy: .local, nodePort: nil, cluster: ["1", "2"], local: []),
    ]

    @Test("Local policies and terminating endpoints", arguments: localCases)
    func localPolicy(_ row: SelectionCase) throws { try row.check() }

    @Test("Cluster policy and terminating endpoints", arguments: clusterCases)
    func clusterPolicy(_ row: SelectionCase) throws { try row.check() }

    @Test("Topology", arguments: topologyCases)
    func topology(_ row: SelectionCase) throws { try row.check() }

    @Test("The zone comes from the Node object of the node's name")
    func zoneFromNode() throws {
        let nodes = [
            Node(metadata: ObjectMeta(name: "there", labels: [WellKnownLabel.zone: "zone-b"])),
            Node(metadata: ObjectMeta(name: "here", labels: [WellKnownLabel.zone: "zone-a"])),
        ]
        let slices = [slice([here(1, zones: ["zone-a"]), there(2, zones: ["zone-b"])])]
        var state = ClusterState(services: [service()], endpointSlices: slices, nodes: nodes)
        #expect(try #require(state.onlyPort()).endpoints.ipv4.clusterText == ["10.0.0.1:8080"])
        // The label may change at run time; the next resolution follows.
        state.nodes[1].metadata.labels[WellKnownLabel.zone] = "zone-b"
        #expect(try #require(state.onlyPort()).endpoints.ipv4.clusterText == ["10.0.0.2:8080"])
        state.nodes[1].metadata.labels[WellKnownLabel.zone] = ""
        #expect(try #require(state.onlyPort()).endpoints.ipv4.cluster.count == 2)
    }

    @Test("Away from any cluster every endpoint is local")
    func withoutNode() throws {
        let web = service { $0.internalTrafficPolicy = .local }
        let state = ClusterState(services: [web], endpointSlices: [slice([here(1), there(2), endpoint("10.0.0.3")])])
        let port = try #require(state.onlyPort(ResolutionContext()))
        #expect(port.endpoints.ipv4.local.count == 3)
    }

    @Test("Families are selected apart and stand in for each other only when empty")
    func families() throws {
        let web = service(clusterIPs: ["10.96.0.1", "fd00::1"])
        var state = ClusterState(
            services: [web],
            endpointSlices: [
                slice(name: "a", [here(1), there(2, .terminating)]),
                slice(name: "b", type: .ipv6, [endpoint("fd00::a", .terminating), endpoint("fd00::b", .unready)]),
            ])
        var endpoints = try #require(state.onlyPort()).endpoints
        #expect(endpoints.selection(for: .ipv4).clusterText == ["10.0.0.1:8080"])
        #expect(endpoints.selection(for: .ipv6).clusterText == ["[fd00::a]:8080"])
        state.endpointSlices.removeLast()
        endpoints = try #require(state.onlyPort()).endpoints
        #expect(endpoints.selection(for: .ipv6).clusterText == ["10.0.0.1:8080"])
        #expect(endpoints.ipv6.cluster.isEmpty)
        #expect(endpoints.hasAny)
    }
}
