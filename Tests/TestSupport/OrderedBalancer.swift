public import Balancing
internal import Base
internal import Synchronization

extension Balancer {
    /// A balancer that asks these very `endpoints`, in the order given.
    public convenience init(inOrder endpoints: [Endpoint]) {
        let standIns = endpoints.compactMap { endpoint in endpoint.standIn.map { (endpoint.address, $0) } }
        self.init(
            of: endpoints.map { ServiceEndpoint(address: $0.address, podName: $0.podName, isLocal: $0.isLocal) },
            standIns: Dictionary(standIns, uniquingKeysWith: { first, _ in first }))
        _ = made.storeIfNil(List(endpoints))
    }
}
