import Base
import Cluster
import Objects

/// What a daemon refuses to start with, by what its source says at first.
struct StartChecks {
    let first: SourceUpdate

    /// - Throws: ``CommandFailure`` if the API server was given by a cluster IP: nobody but a proxy leads from there to
    ///   it. Other addresses of Services may be its own; they are left alone, one by one (docs/behaviour.md, B2.9).
    func independence(of server: EndpointAddress) throws(CommandFailure) {
        let services = first.changes.objects.values.compactMap { object -> Service? in
            if case .service(let service)? = object { service } else { nil }
        }
        guard let owner = services.first(where: { $0.hasClusterIP(server) }) else { return }
        throw CommandFailure(
            "the API server's address \(server) is one of the Service \(owner.metadata.key), which this proxy serves "
                + "and so cannot depend on: give the API server's own address with --kubeconfig or --master")
    }

    /// - Throws: ``CommandFailure`` where taking over would take down what is served.
    func worthTakingOver() throws(CommandFailure) {
        let advice = "the other process goes on; --allow-empty takes over all the same"
        // The other process may know a good state of what is broken now.
        let unread = first.problems.first { $0.severity == .error && [.object, .source].contains($0.kind) }
        guard !first.isPartial, unread == nil else {
            let example = unread.map { " (\($0))" } ?? ""
            throw CommandFailure(
                "not all that is to be served can be read\(example), and what cannot would be gone: \(advice)")
        }
        guard first.hasServices else {
            throw CommandFailure("there is no Service, and the other process serves some: \(advice)")
        }
    }
}

extension Service {
    fileprivate func hasClusterIP(_ place: EndpointAddress) -> Bool {
        spec.ports.contains { $0.port == place.port } && spec.clusterIPs.contains { $0.address == place.ip }
    }
}
