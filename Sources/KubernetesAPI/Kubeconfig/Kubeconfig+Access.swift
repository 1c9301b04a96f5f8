internal import Base

extension Kubeconfig {
    /// Looks up a context, with its cluster and its user.
    ///
    /// - Parameters:
    ///   - name: nil for the current context.
    ///   - master: the address of the server, instead of the cluster's.
    func access(context name: String?, master: String?) throws(KubeconfigError) -> ClusterAccess {
        let paths = files.map(\.path).joined(separator: ", ")
        guard let name = name ?? currentContext else {
            if let master { return try ClusterAccess(master: master) }
            throw KubeconfigError(
                "no context is named, and there is no current-context; \(choice(.contexts))", file: paths)
        }
        guard let context = try entry(.contexts, name) else {
            throw KubeconfigError("no context \"\(name)\"; \(choice(.contexts))", file: paths)
        }
        do throws(KubeconfigError) {
            return try access(context, master: master)
        } catch {
            var error = error
            error.context = name
            // It would be said twice.
            if error.entry == "context \"\(name)\"" { error.entry = nil }
            throw error
        }
    }

    private func access(_ context: KubeconfigEntry, master: String?) throws(KubeconfigError) -> ClusterAccess {
        let record = try context.decode(ContextRecord.self)
        let origin = "context \"\(context.name)\" of \(context.file)".onOneLine
        var access: ClusterAccess
        if let name = record.cluster.content {
            guard let cluster = try entry(.clusters, name) else {
                throw context.error(field: "cluster", "no cluster \"\(name)\"; \(choice(.clusters))")
            }
            access = try cluster.clusterAccess(origin: origin, master: master)
        } else {
            guard let master else {
                throw context.error(field: "cluster", "expected the name of a cluster, found none")
            }
            access = try ClusterAccess(master: master)
            access.origin = origin
        }
        // A context without user is one for a server that asks for none.
        if let name = record.user.content {
            guard let user = try entry(.users, name) else {
                throw context.error(field: "user", "no user \"\(name)\"; \(choice(.users))")
            }
            access.user = try user.userAccess()
            if case .exec(var plugin) = access.user.authorization, plugin.providesClusterInfo {
                plugin.clusterConfig = try record.cluster.flatMap { name throws(KubeconfigError) in
                    try entry(.clusters, name)?.extensionJSON("client.authentication.k8s.io/exec")
                }
                access.user.authorization = .exec(plugin)
            }
        }
        access.namespace = record.namespace.content
        return access
    }
}
