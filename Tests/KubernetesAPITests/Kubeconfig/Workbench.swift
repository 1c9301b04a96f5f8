import KubernetesAPI
import TestSupport
import Testing

/// A folder with kubeconfigs, and what becomes of them.
struct Workbench {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    func load(
        _ text: String, context: String? = nil, master: String? = nil
    ) throws -> ClusterAccess {
        let file = try folder.write(text, to: "config")
        return try ClusterAccess.load(.file(file), context: context, master: master, environment: [:])
    }

    /// The error, with paths from the folder on.
    func error(
        _ text: String, context: String? = nil, master: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) -> String {
        let error = #expect(throws: KubeconfigError.self, sourceLocation: sourceLocation) {
            try load(text, context: context, master: master)
        }
        return short(error)
    }

    func short(_ error: KubeconfigError?) -> String {
        "\(error.map { "\($0)" } ?? "no error")".split(separator: folder.path + "/", omittingEmptySubsequences: false)
            .joined()
    }

    /// A kubeconfig with one context, whose user and cluster have these lines.
    static func config(cluster: String = "server: https://api.example:6443", user: String = "token: secret") -> String {
        func block(_ lines: String) -> String {
            lines.split(separator: "\n").map { "    \($0)\n" }.joined()
        }
        return """
            apiVersion: v1
            kind: Config
            current-context: test
            contexts:
            - name: test
              context: {cluster: c, user: u}
            clusters:
            - name: c
              cluster:
            \(block(cluster))
            users:
            - name: u
              user:
            \(block(user))
            """
    }
}
