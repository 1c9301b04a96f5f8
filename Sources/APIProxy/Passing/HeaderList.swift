internal import Base
internal import NIOCore

/// Headers in the order that they came.
typealias HeaderList = [(name: String, value: String)]

extension HeaderList {
    /// Those that are for whoever reads the message, and not for the next on the way only (RFC 9110, 7.6.1). Lengths go
    /// too: whoever writes the message says how long it is.
    var endToEnd: HeaderList {
        let named = filter { $0.name.lowercased() == "connection" }
            .flatMap { $0.value.split(separator: ",").map { String($0).trimmingBlanks().lowercased() } }
        let dropped = Self.hopByHop.union(named)
        return filter { !dropped.contains($0.name.lowercased()) }
    }

    private static let hopByHop: Set = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length",
    ]

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    func first(_ name: String) -> String? { first { $0.name.lowercased() == name }?.value }

    mutating func drop(_ names: String...) { removeAll { names.contains($0.name.lowercased()) } }

    /// Says for whom a request is passed on.
    mutating func addForwardedFor(_ client: String?) {
        guard let client else { return }
        let before = filter { $0.name.lowercased() == "x-forwarded-for" }.map(\.value)
        drop("x-forwarded-for")
        append(("X-Forwarded-For", (before + [client]).joined(separator: ", ")))
    }

    /// The length that an answer has said it has, if that is what counts.
    var length: String? {
        guard first("transfer-encoding") == nil, let length = first("content-length"), Int(length) != nil else {
            return nil
        }
        return length
    }
}

extension ClientRequest {
    /// As they go on. `Host` is for those to add who know where; we have answered `Expect` ourselves.
    var passedHeaders: HeaderList {
        var passed = headers.endToEnd
        passed.drop("host", "expect")
        passed.addForwardedFor(client)
        return passed
    }

    /// The next piece of the body, for which a client may have to be asked.
    var bodyReader: @Sendable () async throws -> ByteBuffer? {
        let asked = OneTime()
        return { [body, reply, expectsContinue] in
            if expectsContinue, asked.isFirst { try await reply.goOn() }
            return try await body.next()
        }
    }
}

/// Something that is done once.
private final class OneTime: Sendable {
    private let isDone = Guarded(false)

    var isFirst: Bool {
        isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
    }
}
