internal import FoundationEssentials

extension KubeconfigEntry {
    /// How to reach the server of this cluster.
    func clusterAccess(origin: String, master: String?) throws(KubeconfigError) -> ClusterAccess {
        let record = try decode(ClusterRecord.self)
        let authorities = try pem(
            data: record.authorityData, "certificate-authority-data", file: record.authority, "CERTIFICATE")
        let skipsVerification = record.skipsVerification ?? false
        if skipsVerification, authorities != nil {
            throw error(
                field: "insecure-skip-tls-verify",
                "expected no certificate authority beside it: nothing would be verified; leave out one of them")
        }
        // As kubectl takes a server without scheme.
        let expectsTLS = skipsVerification || authorities != nil
        let server: ServerURL
        if let master {
            server = try ClusterAccess(master: master, expectsTLS: expectsTLS).server
        } else {
            guard let text = record.server.content else {
                throw error(field: "server", "expected the URL of the API server, found none")
            }
            server = try url("server") { () throws(MalformedURL) in try ServerURL(text, expectsTLS: expectsTLS) }
        }
        var access = ClusterAccess(origin: origin, server: server)
        access.tlsServerName = record.tlsServerName.content
        access.skipsVerification = skipsVerification
        access.authorities = authorities
        access.disablesCompression = record.disablesCompression ?? false
        if let text = record.proxy.content {
            access.proxy = try url("proxy-url") { () throws(MalformedURL) in try ProxyURL(text) }
        }
        return access
    }

    private func url<URL>(
        _ field: String, _ parse: () throws(MalformedURL) -> URL
    ) throws(KubeconfigError) -> URL {
        do throws(MalformedURL) { return try parse() } catch { throw self.error(field: field, error.description) }
    }

    /// Certificates or a key: the data if there are both, as kubectl takes them.
    ///
    /// - Parameters:
    ///   - field: of the data.
    ///   - label: what stands in the lines `-----BEGIN …-----`, at its end.
    func pem(
        data: String?, _ field: String, file: String?, _ label: String
    ) throws(KubeconfigError) -> PEM? {
        guard let data = data.content else { return file.content.map { .file(whole($0)) } }
        guard let bytes = Data(base64Encoded: data.filter { !$0.isWhitespace }) else {
            throw error(field: field, "expected base64")
        }
        // What is in there is the client's business; this tells somebody who has forgotten to encode, or has done so
        // twice.
        guard String(decoding: bytes, as: UTF8.self).contains("\(label)-----") else {
            throw error(field: field, "expected base64 of PEM, with a line -----BEGIN … \(label)-----")
        }
        return .data(Array(bytes))
    }
}
