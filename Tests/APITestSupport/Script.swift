/// How a ``ScriptedAPIServer`` answers a request. It runs in a task that is cancelled when the client goes.
public struct Script: Sendable {
    let run: @Sendable (ReceivedRequest, Reply) async throws -> Void

    public init(_ run: @escaping @Sendable (ReceivedRequest, Reply) async throws -> Void) { self.run = run }
}

extension Script {
    /// A whole answer at once.
    public static func answer(
        _ status: Int, _ body: String = "",
        headers: [(name: String, value: String)] = [("Content-Type", "application/json")]
    ) -> Script {
        Script { _, reply in
            try await reply.head(status, headers, framing: .length(body.utf8.count))
            try await reply.write(body)
            try await reply.end()
        }
    }

    /// The body that Kubernetes gives with an error.
    public static func status(
        _ code: Int, reason: String, message: String, headers: [(name: String, value: String)] = []
    ) -> Script {
        let body =
            #"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"\#(message)","#
            + #""reason":"\#(reason)","code":\#(code)}"#
        return .answer(code, body, headers: [("Content-Type", "application/json")] + headers)
    }

    /// Takes the request and never says a word.
    public static let silence = Script { _, reply in try await reply.untilGone() }

    /// What is pushed to `feed`, as it comes.
    public static func watch(_ feed: WatchFeed) -> Script {
        Script { _, reply in
            try await reply.head(200)
            try await feed.pour(into: reply)
        }
    }

    /// A recorded answer: byte for byte over HTTP/1.1 if its framing was recorded too, else in chunks or by its length.
    ///
    /// - Parameter pieces: the body in these pieces, in place of one.
    public static func recording(_ recording: RecordedAnswer, pieces: [[UInt8]]? = nil) -> Script {
        Script { request, reply in
            if recording.hasFraming, pieces == nil, !request.isHTTP2 {
                try await reply.raw(recording.bytes)
                if !recording.isWhole { try await reply.close() }
                return
            }
            let named = recording.headers.filter {
                !["transfer-encoding", "content-length", "connection"].contains($0.name.lowercased())
            }
            let isChunked = recording.headers.contains { $0.name.lowercased() == "transfer-encoding" }
            try await reply.head(
                recording.status, named, framing: isChunked ? .chunked : .length(recording.body.count))
            for piece in pieces ?? [recording.body] { try await reply.write(piece) }
            if recording.isWhole { try await reply.end() } else { try await reply.close() }
        }
    }

    /// The first `count` bytes of a recorded answer, and then the end of the connection: in order, or by a reset. HTTP/1.1.
    public static func recording(_ recording: RecordedAnswer, cutAt count: Int, reset: Bool) -> Script {
        Script { _, reply in
            try await reply.raw(Array(recording.framedBytes.prefix(count)))
            if reset { await reply.reset() } else { try await reply.close() }
        }
    }
}
