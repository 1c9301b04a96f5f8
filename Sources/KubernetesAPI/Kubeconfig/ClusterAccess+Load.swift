extension ClusterAccess {
    /// Finds out how to reach a cluster. Blocks while it reads files.
    ///
    /// - Parameters:
    ///   - files: kubeconfigs; nil, or with nothing in any of them, for what a pod finds in its file system.
    ///   - context: nil for the current one.
    ///   - master: the address of the server, instead of that which is found. In a pod it is asked as whom the pod is.
    ///   - environment: says whether this is a pod.
    ///   - root: the folder that a pod's files are in.
    public static func load(
        _ files: KubeconfigFiles?, context: String? = nil, master: String? = nil, environment: [String: String],
        root: String = ""
    ) throws(KubeconfigError) -> ClusterAccess {
        let master = master.content
        if let files {
            let kubeconfig = try Kubeconfig(files)
            if case .file = files { return try kubeconfig.access(context: context.content, master: master) }
            if !kubeconfig.isEmpty {
                return try kubeconfig.access(context: context.content, master: master)
            }
            // A context that is asked for by name is of no pod.
            if let context = context.content {
                var error = noKubeconfig(files)
                error.context = context
                throw error
            }
        }
        if let name = context.content {
            throw KubeconfigError("\"\(name)\" is a context of a kubeconfig, and none is named", field: "--context")
        }
        if let master {
            guard isInCluster(environment), hasToken(root) else { return try ClusterAccess(master: master) }
            var access = try ClusterAccess(master: master, expectsTLS: true)
            access.origin = "--master, and this pod"
            takeIdentity(&access, root)
            return access
        }
        if isInCluster(environment) { return try inCluster(environment, root: root) }
        guard let files else { return try inCluster(environment, root: root) }
        throw noKubeconfig(files)
    }

    private static func noKubeconfig(_ files: KubeconfigFiles) -> KubeconfigError {
        let paths = files.paths.joined(separator: ", ")
        let place = paths.isEmpty ? "neither KUBECONFIG nor HOME is set" : "there is nothing in \(paths)"
        return KubeconfigError("found no kubeconfig: \(place)")
    }

    /// A server of which nothing else is known.
    init(master: String, expectsTLS: Bool = false) throws(KubeconfigError) {
        do throws(MalformedURL) {
            self.init(origin: "--master", server: try ServerURL(master, expectsTLS: expectsTLS))
        } catch {
            throw KubeconfigError(error.description, field: "--master")
        }
    }

    // MARK: In a pod

    private static func isInCluster(_ environment: [String: String]) -> Bool {
        environment["KUBERNETES_SERVICE_HOST"].content != nil
    }

    /// Where every pod finds the API server, and whose it is to say what the pod may do there.
    private static func inCluster(
        _ environment: [String: String], root: String
    ) throws(KubeconfigError) -> ClusterAccess {
        let names = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]
        guard let host = environment[names[0]].content, let port = environment[names[1]].content else {
            let missing = names.filter { environment[$0].content == nil }
            throw KubeconfigError(
                "no kubeconfig is named, and this is not a pod: \(missing.joined(separator: " and ")) "
                    + (missing.count == 1 ? "is not set" : "are not set"))
        }
        let text = host.contains(":") ? "https://[\(host)]:\(port)" : "https://\(host):\(port)"
        var access: ClusterAccess
        do throws(MalformedURL) {
            access = ClusterAccess(origin: "this pod", server: try ServerURL(text, expectsTLS: true))
        } catch {
            throw KubeconfigError("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: \(error)")
        }
        guard hasToken(root) else {
            throw KubeconfigError(
                "there is no token: the pod needs a service account, and not automountServiceAccountToken: false",
                file: root + serviceAccount + "/token")
        }
        takeIdentity(&access, root)
        return access
    }

    private static let serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

    private static func hasToken(_ root: String) -> Bool {
        LocalFile.fingerprint(root + serviceAccount + "/token") != nil
    }

    /// As whom every pod speaks, and whom it trusts.
    private static func takeIdentity(_ access: inout ClusterAccess, _ root: String) {
        let folder = root + serviceAccount
        access.authorities = .file("\(folder)/ca.crt")
        access.user.authorization = .tokenFile("\(folder)/token", first: nil)
        let namespace = (try? LocalFile.read("\(folder)/namespace")).map { String(decoding: $0, as: UTF8.self).trimmed }
        access.namespace = namespace.content
    }
}
