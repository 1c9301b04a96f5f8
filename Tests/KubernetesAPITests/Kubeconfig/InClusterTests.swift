import KubernetesAPI
import TestSupport
import Testing

@Suite("Credentials of a pod")
struct InClusterTests {
    private let folder: TemporaryDirectory
    private let secrets = "var/run/secrets/kubernetes.io/serviceaccount"

    init() throws { folder = try TemporaryDirectory() }

    private func load(_ host: String?, _ port: String?) throws -> ClusterAccess {
        var environment: [String: String] = [:]
        environment["KUBERNETES_SERVICE_HOST"] = host
        environment["KUBERNETES_SERVICE_PORT"] = port
        return try ClusterAccess.load(nil, environment: environment, root: folder.path)
    }

    @Test("Token, authority and namespace are where every pod has them; an IPv6 address needs no brackets")
    func pod() throws {
        try folder.write("secret\n", to: "\(secrets)/token")
        try folder.write("shop\n", to: "\(secrets)/namespace")
        let access = try load("10.96.0.1", "443")
        #expect("\(access.server)" == "https://10.96.0.1")
        #expect(access.authorities == .file("\(folder.path)/\(secrets)/ca.crt"))
        #expect(access.user.authorization == .tokenFile("\(folder.path)/\(secrets)/token", first: nil))
        #expect(access.namespace == "shop")
        #expect(try "\(load("fd00::1", "6443").server)" == "https://[fd00::1]:6443")
    }

    @Test("--master is another way to the same cluster, asked as the same pod")
    func master() throws {
        let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
        func load(_ files: KubeconfigFiles?) throws -> ClusterAccess {
            try ClusterAccess.load(files, master: "10.0.0.1:6443", environment: environment, root: folder.path)
        }
        // A pod without a token is nobody.
        #expect(try load(nil).user.authorization == .none)
        try folder.write("secret\n", to: "\(secrets)/token")
        for files in [nil, KubeconfigFiles.list([folder.file("nowhere")])] {
            let access = try load(files)
            #expect("\(access)" == "--master, and this pod: https://10.0.0.1:6443")
            #expect(access.authorities == .file("\(folder.path)/\(secrets)/ca.crt"))
            #expect(access.user.authorization == .tokenFile("\(folder.path)/\(secrets)/token", first: nil))
        }
    }

    @Test("A context without a kubeconfig is a mistake", arguments: [nil, "https://10.0.0.1:6443"])
    func context(master: String?) throws {
        try folder.write("secret\n", to: "\(secrets)/token")
        let environment = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
        let error = #expect(throws: KubeconfigError.self) {
            try ClusterAccess.load(
                nil, context: "prod", master: master, environment: environment, root: folder.path)
        }
        #expect(error?.description == "--context: \"prod\" is a context of a kubeconfig, and none is named")
    }

    @Test("Elsewhere the message says what is missing")
    func missing() throws {
        for (host, port) in [(nil, nil), ("10.96.0.1", nil), ("", "443")] as [(String?, String?)] {
            let error = #expect(throws: KubeconfigError.self) { try load(host, port) }
            #expect(error?.description.contains("this is not a pod") == true)
        }
        let half = #expect(throws: KubeconfigError.self) { try load("10.96.0.1", nil) }
        #expect(half?.description.hasSuffix("KUBERNETES_SERVICE_PORT is not set") == true)
        let token = #expect(throws: KubeconfigError.self) { try load("10.96.0.1", "443") }
        #expect(token?.description.contains("serviceaccount/token: there is no token") == true)
        let port = #expect(throws: KubeconfigError.self) { try load("10.96.0.1", "https") }
        #expect(port?.description.contains("expected a port") == true)
    }
}
