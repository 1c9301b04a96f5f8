import KubernetesAPI
import TestSupport
import Testing

@Suite("Several kubeconfigs, and which of them count")
struct KubeconfigMergeTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func load(
        _ names: String..., context: String? = nil, master: String? = nil, environment: [String: String] = [:]
    ) throws -> ClusterAccess {
        let variables = environment.merging([
            "KUBECONFIG": names.map { $0.isEmpty ? $0 : folder.file($0) }.joined(separator: ":")
        ]) { a, _ in a }
        return try ClusterAccess.load(
            .standard(variables), context: context, master: master, environment: variables, root: folder.path)
    }

    private func context(_ name: String, cluster: String = "c", user: String = "u") -> String {
        "contexts: [{name: \(name), context: {cluster: \(cluster), user: \(user)}}]\n"
    }

    @Test("The first file that has a name wins, with the whole entry and not field by field")
    func wholeEntries() throws {
        try folder.write(
            """
            current-context: one
            \(context("one"))
            clusters: [{name: c, cluster: {server: "https://first"}}]
            """, to: "a")
        try folder.write(
            """
            current-context: two
            \(context("one", cluster: "d"))
            clusters:
            - {name: c, cluster: {server: "https://second", tls-server-name: second}}
            - {name: d, cluster: {server: "https://other"}}
            users: [{name: u, user: {token: t}}]
            """, to: "b")
        let access = try load("a", "b")
        #expect(access.origin == "context \"one\" of \(folder.path)/a")
        #expect("\(access.server)" == "https://first")
        #expect(access.tlsServerName == nil)
        #expect(access.user.authorization == .token("t"))
        // The other way round it is the other way round.
        let other = try load("b", "a", context: "one")
        #expect("\(other.server)" == "https://other")
    }

    @Test("Files that are missing are passed over, and so are empty names and files")
    func missing() throws {
        try folder.write("", to: "empty")
        try folder.write("# nothing\n---\n", to: "comment")
        try folder.write(Workbench.config(), to: "config")
        let access = try load("nowhere", "empty", "comment", "", "config/below", "config")
        #expect("\(access.server)" == "https://api.example:6443")
    }

    @Test("The one that is named by a flag has to be there, and stands alone")
    func explicit() throws {
        let error = #expect(throws: KubeconfigError.self) {
            try ClusterAccess.load(.file(folder.file("nowhere")), environment: [:])
        }
        #expect(error?.description == "\(folder.path)/nowhere: cannot be read: No such file or directory")
        try folder.write("", to: "empty")
        let other = #expect(throws: KubeconfigError.self) {
            try ClusterAccess.load(.file(folder.file("empty")), environment: ["KUBERNETES_SERVICE_HOST": "10.0.0.1"])
        }
        #expect(
            other?.description
                == "\(folder.path)/empty: no context is named, and there is no current-context; there are no contexts")
    }

    @Test("Without KUBECONFIG it is ~/.kube/config, and a KUBECONFIG that is empty is none")
    func home() throws {
        #expect(KubeconfigFiles.standard(["HOME": "/home/me"]) == .list(["/home/me/.kube/config"]))
        #expect(KubeconfigFiles.standard(["HOME": "/home/me", "KUBECONFIG": ""]) == .list(["/home/me/.kube/config"]))
        #expect(KubeconfigFiles.standard(["HOME": "/home/me", "KUBECONFIG": "/a::b"]) == .list(["/a", "b"]))
        #expect(KubeconfigFiles.standard([:]) == .list([]))
    }

    @Test("With nothing anywhere, the message says where nothing is")
    func nothing() throws {
        let error = #expect(throws: KubeconfigError.self) { try load("nowhere", "neither") }
        #expect(
            error?.description
                == "found no kubeconfig: there is nothing in \(folder.path)/nowhere, \(folder.path)/neither")
        let homeless = #expect(throws: KubeconfigError.self) {
            try ClusterAccess.load(.standard([:]), environment: [:])
        }
        #expect(homeless?.description == "found no kubeconfig: neither KUBECONFIG nor HOME is set")
        let named = #expect(throws: KubeconfigError.self) {
            try ClusterAccess.load(.list([folder.file("nowhere")]), context: "kind", environment: [:])
        }
        #expect(
            named?.description == "context \"kind\": found no kubeconfig: there is nothing in \(folder.path)/nowhere")
    }

    @Test("With nothing anywhere, a pod is what it is, and --master alone is a server without credentials")
    func fallbacks() throws {
        try folder.write("secret", to: "var/run/secrets/kubernetes.io/serviceaccount/token")
        let pod = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
        #expect(try load("nowhere", environment: pod).origin == "this pod")
        let master = try load("nowhere", master: "http://127.0.0.1:8080", environment: [:])
        #expect("\(master.server)" == "http://127.0.0.1:8080")
        #expect(master.user == UserAccess())
    }

    @Test("--master is used instead of the cluster's server, with everything else of the context")
    func master() throws {
        let text = Workbench.config(cluster: "server: https://other:6443\ntls-server-name: kubernetes")
        let file = try folder.write(text, to: "config")
        let access = try ClusterAccess.load(.file(file), master: "https://10.0.0.1:6443", environment: [:])
        #expect("\(access.server)" == "https://10.0.0.1:6443")
        #expect(access.tlsServerName == "kubernetes")
        #expect(access.user.authorization == .token("secret"))
        // A cluster without a server of its own is complete by it.
        try folder.write(Workbench.config(cluster: "insecure-skip-tls-verify: true"), to: "config")
        let bare = try ClusterAccess.load(.file(file), master: "10.0.0.1:6443", environment: [:])
        #expect("\(bare.server)" == "https://10.0.0.1:6443")
        #expect(bare.skipsVerification)
        let error = #expect(throws: KubeconfigError.self) {
            try ClusterAccess.load(.file(file), master: "ftp://10.0.0.1", environment: [:])
        }
        #expect(error?.description.contains("--master") == true)
    }

    @Test("Paths are meant from the folder of the file that holds them; a command only with a slash in it")
    func paths() throws {
        try folder.write(
            """
            current-context: one
            \(context("one"))
            users:
            - name: u
              user: {client-certificate: pki/me.crt, client-key: /etc/me.key}
            """, to: "sub/a")
        try folder.write(
            """
            clusters: [{name: c, cluster: {server: "https://a", certificate-authority: ../ca.crt}}]
            contexts:
            - {name: plugin, context: {cluster: c, user: p}}
            - {name: bare, context: {cluster: c, user: q}}
            - {name: file, context: {cluster: c, user: f}}
            users:
            - {name: p, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: bin/login}}}
            - {name: q, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: login}}}
            - {name: f, user: {tokenFile: token}}
            """, to: "b/b")
        let access = try load("sub/a", "b/b")
        #expect(access.authorities == .file("\(folder.path)/b/../ca.crt"))
        #expect(access.user.certificate == .file("\(folder.path)/sub/pki/me.crt"))
        #expect(access.user.key == .file("/etc/me.key"))
        func command(_ name: String) throws -> String? {
            guard case .exec(let plugin) = try load("b/b", context: name).user.authorization else { return nil }
            return plugin.command
        }
        #expect(try command("plugin") == "\(folder.path)/b/bin/login")
        #expect(try command("bare") == "login")
        #expect(try load("b/b", context: "file").user.authorization == .tokenFile("\(folder.path)/b/token", first: nil))
    }

    @Test("A mistake in an entry that is not used keeps nobody from another")
    func unused() throws {
        let workbench = try Workbench()
        let access = try workbench.load(
            Workbench.config() + """

                - name: broken
                  user: {token: [1], client-key-data: "*"}
                """)
        #expect(access.user.authorization == .token("secret"))
    }

    @Test("JSON is read as well, also with what YAML does not know of it")
    func json() throws {
        let workbench = try Workbench()
        let access = try workbench.load(
            """
            \u{FEFF}{
            \t"kind": "Config", "apiVersion": "v1", "current-context": "a\\ud83d\\ude00",
            \t"contexts": [{"name": "a\\ud83d\\ude00", "context": {"cluster": "c", "user": "", "namespace": "shop"}}],
            \t"clusters": [{"name": "c", "cluster": {"server": "https:\\/\\/api.example"}}],
            \t"users": null, "preferences": {}
            }
            """)
        #expect("\(access.server)" == "https://api.example")
        #expect(access.namespace == "shop")
        #expect(access.user == UserAccess())
    }
}
