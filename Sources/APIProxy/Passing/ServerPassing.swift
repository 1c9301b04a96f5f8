internal import Base
internal import KubernetesAPI
internal import NIOCore

/// Passes a request on to the API server, and its answer back.
struct ServerPassing: Sendable {
    let passage: APIPassage
    let upgrades: UpgradeClient
    let keepAlive: Duration?

    func answer(_ request: ClientRequest, _ path: RequestPath) async throws {
        if request.isUpgrade, request.body.isEmpty, let method = APIRequest.Method(rawValue: request.method) {
            return try await upgrade(request, method, path)
        }
        var passed = PassedRequest(method: request.method, target: path.target, headers: request.passedHeaders)
        if !request.body.isEmpty { passed.body = .init(length: request.body.length, next: request.bodyReader) }
        let answer: PassedAnswer
        do throws(APIError) {
            answer = try await passage.send(passed)
        } catch {
            return try await fail(request, error)
        }
        guard answer.status >= 200 else {
            return try await request.reply.send(
                .text(500, "the API server switches to a protocol that nobody asked for"))
        }
        var headers = answer.headers.endToEnd
        if let length = answer.headers.length { headers.append(("Content-Length", length)) }
        try await request.reply.begin(answer.status, answer.reason, headers)
        while let piece = try await answer.body.next() { try await request.reply.write(piece) }
        try await request.reply.end()
    }

    private func fail(_ request: ClientRequest, _ error: APIError) async throws {
        if case .cancelled = error { throw CancellationError() }
        try await request.reply.send(.text(500, "\(error)"))
    }

    private func upgrade(_ request: ClientRequest, _ method: APIRequest.Method, _ path: RequestPath) async throws {
        var headers = request.passedHeaders
        headers += [("Connection", "Upgrade"), ("Upgrade", request.header("upgrade") ?? "")]
        let place = Guarded<RawEnd.Place?>(nil)
        let answer: UpgradeAnswer
        do throws(APIError) {
            answer = try await upgrades.send(UpgradeRequest(method, path.target, headers: headers)) { connection in
                let end = try RawEnd.Place(on: connection.channel)
                try connection.channel.prepareForRaw(keepAlive: keepAlive)
                place.withLock { $0 = end }
            }
        } catch {
            return try await fail(request, error)
        }
        switch answer {
        case .refused(let refusal):
            let length = refusal.isWhole ? [("Content-Length", "\(refusal.body.count)")] : []
            try await request.reply.begin(refusal.status, nil, refusal.headers.endToEnd + length)
            if !refusal.body.isEmpty { try await request.reply.write(ByteBuffer(bytes: refusal.body)) }
            // A part is not to pass for the whole.
            guard refusal.isWhole else { throw ChannelError.eof }
            try await request.reply.end()
        case .upgraded(let connection):
            guard let server = place.withLock({ $0 }) else { return connection.cut() }
            do {
                let client = try await request.reply.becomeRaw(connection.headers)
                client.channel.eventLoop.execute { try? client.channel.prepareForRaw(keepAlive: keepAlive) }
                RawEnd.join(client, server)
            } catch {
                connection.cut()
                throw error
            }
        }
    }
}
