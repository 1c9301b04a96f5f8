import Base
import DemoPods
import EventLoop
import Resolution

/// Puts the demo pods in the place of the endpoints of manifests.
final class DemoStandIns: Sendable {
    private let pods: DemoPods

    init() throws(SystemError) {
        // The other half is for those who come to them.
        pods = try DemoPods(ceiling: ResourceLimits.raiseDescriptorLimit() / 2)
    }

    /// Lets the pods go that are in no manifest any more; one that comes back is a new pod.
    func update(_ state: ClusterState) {
        let resolution = state.resolve(ResolutionContext(servesUnassigned: true))
        let endpoints = resolution.ports.flatMap { $0.endpoints.ipv4.cluster + $0.endpoints.ipv6.cluster }
        // Those of headless Services are reached by name.
        let headless = state.headlessServices().flatMap(\.ports).flatMap(\.endpoints)
        pods.update(keeping: Set((endpoints + headless).map(Self.name)))
    }

    /// Where the stand-in of `endpoint` listens; nil if there can be none, which the endpoint's silence then shows.
    func address(for endpoint: ServiceEndpoint) -> EndpointAddress? {
        guard
            let address = try? pods.standIn(podName: Self.name(endpoint), address: endpoint.address.description)
        else { return nil }
        return EndpointAddress(ip: IPAddress(v4: UInt32(truncatingIfNeeded: address.low)), port: address.port)
    }

    private static func name(_ endpoint: ServiceEndpoint) -> String {
        endpoint.podName ?? endpoint.address.ip.description
    }
}
