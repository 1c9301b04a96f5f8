internal import Base
internal import Glibc
internal import NIOCore
internal import NIOSSL
internal import Objects

/// Looks at the certificate of a server that was refused, since TLS does not say why it was. Nothing is told to the
/// server for it, not even who asks.
struct CertificateInspection {
    private let route: ServerRoute

    init(_ route: ServerRoute) { self.route = route }

    /// Why the certificate was refused, and what to do; nil if the server does not show it again.
    var explanation: APIError? {
        get async {
            guard let certificate = await certificate() else { return nil }
            return .unreachable("\(route.server): \(text(about: certificate))")
        }
    }

    private func text(about certificate: NIOSSLCertificate) -> String {
        let now = time(nil)
        if now > certificate.notValidAfter {
            return "its certificate has expired on \(day(certificate.notValidAfter))"
        }
        if now < certificate.notValidBefore {
            return "its certificate is not valid before \(day(certificate.notValidBefore)); "
                + "is this machine's clock right?"
        }
        let names = certificate.names
        guard isFor(route.identity, certificate) else {
            return "its certificate is for \(names.isEmpty ? "nobody" : names.joined(separator: ", ")), not for "
                + "\(route.identity); tls-server-name in the kubeconfig can say which of them is meant"
        }
        let authority =
            route.tls?.authorities == nil ? "any authority that this machine trusts" : "the kubeconfig's authority"
        return "its certificate is not signed by \(authority) (certificate-authority)"
    }

    private func day(_ time: time_t) -> String { String("\(Timestamp(seconds: Int64(time)))".prefix { $0 != "T" }) }

    /// Only to choose between reasons: who decides is TLS.
    private func isFor(_ identity: String, _ certificate: NIOSSLCertificate) -> Bool {
        if let address = IPAddress(identity) { return certificate.addresses.contains(address) }
        return certificate.names.contains { name in
            guard name.hasPrefix("*.") else { return name.lowercased() == identity.lowercased() }
            return identity.lowercased().drop { $0 != "." } == name.lowercased().dropFirst()
        }
    }

    private func certificate() async -> NIOSSLCertificate? {
        var anonymous = route
        anonymous.tls?.certificate = nil
        anonymous.tls?.key = nil
        guard let connector = try? Connector(anonymous, changes: { $0.certificateVerification = .none }),
            let channel = try? await connector.connect()
        else { return nil }
        let certificate = try? await channel.eventLoop.submit {
            let handler = try channel.pipeline.syncOperations.context(name: Connector.serverTLS).handler
            return (handler as? NIOSSLClientHandler)?.peerCertificate
        }.get()
        channel.close(promise: nil)
        return certificate
    }
}
