internal import NIOSSL

extension TLSMaterial {
    /// Sees that connections can be made with this, so that half of a new pair of files is not taken for the whole.
    func check() throws(TLSError) {
        if let authorities {
            do {
                guard try !NIOSSLCertificate.fromPEMBytes(authorities).isEmpty else {
                    throw TLSError(description: "certificate-authority has no certificate")
                }
            } catch let error as TLSError {
                throw error
            } catch {
                throw TLSError(description: "certificate-authority is no PEM of certificates: \(error)")
            }
        }
        guard let certificate, let key else { return }
        var configuration = TLSConfiguration.makeClientConfiguration()
        // Loading those that the machine trusts would take long, and has nothing to do with it.
        configuration.trustRoots = .certificates([])
        do {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
            _ = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSError(description: "client-certificate and client-key are no PEM, or are not a pair: \(error)")
        }
    }
}
