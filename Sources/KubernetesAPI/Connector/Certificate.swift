internal import Base
internal import NIOSSL

extension NIOSSLCertificate {
    /// The addresses that it is for.
    var addresses: [IPAddress] {
        _subjectAlternativeNames().compactMap { name in
            guard name.nameType == .ipAddress else { return nil }
            return name.contents.withUnsafeBufferPointer { IPAddress(bytes: $0) }
        }
    }

    /// All that it is for, as a person would write it.
    var names: [String] {
        _subjectAlternativeNames().compactMap { name in
            switch name.nameType {
            case .ipAddress: name.contents.withUnsafeBufferPointer { IPAddress(bytes: $0) }.map(\.description)
            case .dnsName: name.contents.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            default: nil
            }
        }
    }
}
