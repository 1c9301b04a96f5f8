import Services

/// placeholder until the demo pods are merged
final class DemoStandIns: Sendable {
    init() throws {}
    func update(_ state: ClusterState) {}
    func address(for endpoint: ServiceEndpoint) -> EndpointAddress? { nil }
}
