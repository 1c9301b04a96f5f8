public import TestSupport

extension TemporaryDirectory {
    /// Writes a kubeconfig, whose context is `x`, for a server on localhost, and the certificate of its authority
    /// beside it.
    ///
    /// - Returns: its path.
    public func writeKubeconfig(
        _ name: String = "kubeconfig", port: UInt16, _ authority: TestAuthority
    ) throws -> String {
        try write(String(decoding: authority.certificate, as: UTF8.self), to: "ca.pem")
        return try write(
            """
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "https://127.0.0.1:\(port)", certificate-authority: ca.pem}}]
            users: [{name: u, user: {token: secret}}]
            contexts: [{name: x, context: {cluster: c, user: u}}]
            current-context: x

            """, to: name)
    }
}
