internal import Base
internal import NIOSSL

/// How to get to an API server, and how to know that it is the one.
struct ServerRoute: Sendable {
    var server: ServerURL
    var proxy: ProxyURL?
    /// What the server's certificate has to be for, if it is not its host: a name or an address.
    var expectedName: String?
    var skipsVerification = false
    var tls: TLSMaterial?

    /// Whether the HTTP client cannot go this way itself. It knows HTTP proxies too, but takes the address of the proxy
    /// for that of the server when it looks at a certificate; and it takes no address for a name.
    var needsConnector: Bool { proxy != nil || (server.isSecure && expectedName.map { IPAddress($0) != nil } ?? false) }

    /// What to call the server in the URL for the HTTP client. Where the connector does the work, the client is to make
    /// a plain connection to where that begins.
    var url: String {
        if needsConnector {
            let (host, port) = firstHop
            return "\(ServerURL(isSecure: false, host: host, port: UInt16(port)))"
        }
        var named = server
        if let expectedName { named.host = expectedName }
        return "\(named.isSecure ? "https" : "http")://\(named.authority)"
    }

    /// Whom to connect to.
    var firstHop: (host: String, port: Int) {
        proxy.map { ($0.host, Int($0.port)) } ?? (server.host, Int(server.port))
    }

    /// What the certificate has to be for.
    var identity: String { expectedName ?? server.host }
}

extension ServerRoute {
    /// TLS with the server.
    func serverTLS() throws(APIError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if skipsVerification { configuration.certificateVerification = .none }
        do {
            if let authorities = tls?.authorities {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorities))
            }
        } catch {
            throw .credentials("\(server): the certificate authority is not a certificate in PEM")
        }
        guard let certificate = tls?.certificate, let key = tls?.key else { return configuration }
        do {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(certificate).map { .certificate($0) }
        } catch {
            throw .credentials("\(server): the client certificate is not a certificate in PEM")
        }
        do {
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        } catch {
            throw .credentials("\(server): the client key is not a private key in PEM")
        }
        return configuration
    }

    /// TLS with an `https` proxy: the machine's authorities and the cluster's may vouch for it. It never sees the
    /// client's certificate.
    func proxyTLS() throws(APIError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authorities = tls?.authorities, let certificates = try? NIOSSLCertificate.fromPEMBytes(authorities) {
            configuration.additionalTrustRoots = [.certificates(certificates)]
        }
        return configuration
    }
}
