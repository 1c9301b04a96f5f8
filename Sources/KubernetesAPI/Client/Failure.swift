internal import AsyncHTTPClient
internal import Base
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOHTTPCompression
internal import NIOPosix
internal import NIOSSL

/// An error of the libraries, told in the words of ``APIError``.
struct Failure {
    let value: APIError
    /// The server's certificate was refused, for a reason that the library does not tell.
    private(set) var isAboutCertificate = false

    /// - Parameter afterHead: whether the answer had begun.
    init(_ error: any Error, server: ServerURL, proxy: ProxyURL?, afterHead: Bool) {
        let peer = proxy.map { "\($0.host):\($0.port)" } ?? server.authority
        let place = proxy == nil ? "\(server)" : "\(server), by the proxy \(peer)"
        func unreachable(_ text: String) -> APIError { .unreachable("\(place): \(text)") }
        func broken(_ text: String) -> APIError { .broken("\(place): \(text)") }
        let hint = server.isSecure ? "" : "; if the server speaks TLS, write https://"
        let breakOff =
            afterHead ? "the answer broke off" : "the connection was closed without an answer\(hint)"

        if let refusal = Self.refusal(error) {
            (value, isAboutCertificate) = (unreachable(refusal.text), refusal.isAboutCertificate)
            return
        }
        switch error {
        case let error as APIError: value = error
        case is CancellationError: value = .cancelled
        case is NoAnswer: value = .silent("\(place): no answer within 35 s")
        case let error as Silence: value = .silent("\(place): silent for \(error.patience)")
        case let error as NIOConnectionError: value = unreachable(Self.text(error))
        case NIOSSLError.uncleanShutdown: value = broken(breakOff)
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE:
            value = broken(breakOff)
        case let error as IOError: value = unreachable(Self.text(error, to: peer))
        case let error as InvalidStatus:
            value = broken("it answers with \"\(error.text.onOneLine.prefix(20))\" for a status, which is none")
        case HTTPParserError.invalidEOFState: value = broken(breakOff)
        case HTTPParserError.headerOverflow:
            value = .tooLarge("\(place): the head of the answer, or of a chunk in it, is too large")
        case is HTTPParserError:
            value = broken("the answer is not HTTP\(hint)")
        case NIOHTTPDecompression.DecompressionError.limit:
            value = .tooLarge("\(place): the answer is compressed to less than a two-hundredth")
        case is NIOHTTPDecompression.DecompressionError, is NIOHTTPDecompression.ExtraDecompressionError:
            value = broken("the compressed answer cannot be read")
        case let error as HTTPClientError:
            switch error {
            case .cancelled: value = .cancelled
            case .connectTimeout, .tlsHandshakeTimeout: value = unreachable("no answer within 10 s")
            case .remoteConnectionClosed: value = broken(breakOff)
            default: value = broken("\(error.shortDescription)")
            }
        case ChannelError.connectTimeout: value = unreachable("no answer within 10 s")
        case is ChannelError, is NIOHTTP2Errors.StreamClosed: value = broken(breakOff)
        // HTTP/2 has an error for each of its rules, none of which says more to a person than its name.
        default: value = broken("\(breakOff) (\(type(of: error)))")
        }
    }

    // MARK: - Connecting

    private static func text(_ error: NIOConnectionError) -> String {
        guard !error.connectionErrors.isEmpty else {
            let cause = (error.dnsAError ?? error.dnsAAAAError) as? SocketAddressError.UnknownHost
            return "the name \(error.host) is not known" + (cause.map { " (\($0.errorDescription))" } ?? "")
        }
        return error.connectionErrors.map { failure in
            let address = failure.target.ipAddress.map { $0.contains(":") ? "[\($0)]" : $0 } ?? error.host
            return text(failure.error, to: "\(address):\(error.port)")
        }.joined(separator: ", ")
    }

    private static func text(_ error: any Error, to address: String) -> String {
        guard let error = error as? IOError else { return "no answer from \(address) within 10 s" }
        switch error.errnoCode {
        case ECONNREFUSED: return "connection refused by \(address)"
        case ENETUNREACH, EHOSTUNREACH: return "no route to \(address)"
        case ETIMEDOUT: return "no answer from \(address)"
        default: return "\(address): \(SystemError.reason(error.errnoCode))"
        }
    }

    private static func text(_ error: ConnectorError) -> String {
        switch error {
        case .tooSlow: "no connection to the server within 10 s"
        case .closed: "the connection was closed before the server was reached"
        case .loginRefused: "the proxy wants a user and password, or others; write them into its URL"
        case .refused(let words): "the proxy refused: \(words)"
        case .notAProxy: "what answers there is not such a proxy"
        case .otherName: "its certificate is for another name"
        }
    }

    // MARK: - TLS

    /// Why a connector, or TLS, did not get to the server; nil for other errors.
    private static func refusal(_ error: any Error) -> (text: String, isAboutCertificate: Bool)? {
        switch error {
        case let error as ProxyTLSError:
            // The server's certificate has nothing to do with it.
            (text: "TLS with the proxy: \(refusal(error.cause)?.text ?? "the connection was closed")", false)
        case let error as ConnectorError: (text(error), error == .otherName)
        case let error as BoringSSLError: (text(error), isRefusal(error))
        case NIOSSLError.handshakeFailed(let error): (text(error), isRefusal(error))
        case let error as NIOSSLExtraError where error == .failedToValidateHostname: (text(.otherName), true)
        default: nil
        }
    }

    private static func isRefusal(_ error: BoringSSLError) -> Bool { "\(error)".contains("CERTIFICATE_VERIFY_FAILED") }

    /// BoringSSL tells its reasons only as names within a text: `…:SSLV3_ALERT_BAD_CERTIFICATE at …`.
    private static func text(_ error: BoringSSLError) -> String {
        let text = "\(error)"
        if isRefusal(error) { return "its certificate is not to be trusted" }
        if text.contains("EOF during handshake") { return "the connection was closed within the TLS handshake" }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "it does not speak TLS; if it is meant to, write http://"
        }
        if let alert = text.firstRange(of: "ALERT_") ?? text.firstRange(of: "TLSV1_CERTIFICATE_REQUIRED") {
            let name = text[alert.lowerBound...].prefix { $0.isLetter || $0 == "_" || $0.isNumber }
            let words = name.replacing("TLSV1_", with: "").replacing("ALERT_", with: "").replacing("_", with: " ")
            return "it refused TLS: \(words.lowercased())"
        }
        return "TLS failed: \(text)"
    }
}
