internal import Base

/// Certificates and keys, read when they are needed and again when their files change.
struct TLSFiles {
    /// A file that is written in place within a tick of the clock looks the same as before.
    static let period = Duration.seconds(300)

    private let authorities: PEM?
    private let certificate: PEM?
    private let key: PEM?
    private var material: TLSMaterial?
    private var seen: [LocalFile.Fingerprint?] = []
    private var readAt: ContinuousClock.Instant?

    init(_ access: ClusterAccess) {
        authorities = access.authorities
        certificate = access.user.certificate
        key = access.user.key
    }

    /// Blocks for a moment.
    ///
    /// - Parameter identity: a certificate and key that a plug-in has given, and which count.
    /// - Throws: if there is nothing that works. What has worked is kept until there is something else that does: a
    ///   certificate and its key are two files, and are never replaced at once.
    mutating func current(
        at now: ContinuousClock.Instant, identity: (certificate: [UInt8], key: [UInt8])? = nil
    ) throws(TLSError) -> TLSMaterial {
        let looks = [authorities, certificate, key].map { $0?.path.map(LocalFile.fingerprint) ?? nil }
        let isSameIdentity =
            identity.map { $0.certificate == material?.certificate && $0.key == material?.key }
            ?? (certificate != nil || material?.certificate == nil)
        if let material, let readAt, looks == seen, now - readAt < Self.period, isSameIdentity { return material }
        do throws(TLSError) {
            var next = TLSMaterial(revision: material?.revision ?? 0)
            next.authorities = try authorities?.read("certificate-authority")
            if let identity {
                (next.certificate, next.key) = (identity.certificate, identity.key)
            } else {
                next.certificate = try certificate?.read("client-certificate")
                next.key = try key?.read("client-key")
            }
            if next != material {
                try next.check()
                next.revision += 1
                material = next
            }
            (seen, readAt) = (looks, now)
            return next
        } catch {
            guard let material else { throw error }
            return material
        }
    }
}

extension PEM {
    /// Nil for data.
    fileprivate var path: String? {
        if case .file(let path) = self { path } else { nil }
    }

    /// Blocks for a moment.
    ///
    /// - Parameter field: for messages.
    func read(_ field: String) throws(TLSError) -> [UInt8] {
        switch self {
        case .data(let bytes): return bytes
        case .file(let path):
            do throws(SystemError) {
                return try LocalFile.read(path)
            } catch {
                throw TLSError(description: "\(field) \(path) cannot be read: \(error.reason)")
            }
        }
    }
}

/// Why no connection can be made with what there is.
struct TLSError: Error, CustomStringConvertible {
    let description: String
}
