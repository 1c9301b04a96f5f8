internal import NIOCore
internal import NIOHTTP1

/// Answers `…/services/NAME/proxy/…` by the pods of the Service, as the API server would, but from here.
struct ServicePassing: Sendable {
    let backends: any ServiceBackends
    let keepAlive: Duration?
    /// Whether the links of pages are led back through the proxy.
    let rewritesLinks: Bool

    /// However many pods there are, a client waits for no more of them.
    private static let mostAttempts = 4

    func answer(_ request: ClientRequest, _ target: ServiceTarget) async throws {
        guard let reference = target.reference else {
            let words = "invalid service request \(Answer.quoted(target.id))"
            return try await request.reply.send(.status(400, reason: "BadRequest", words))
        }
        let backend: any ServiceBackend
        do throws(ServiceRefusal) {
            backend = try await backends.backend(
                namespace: target.namespace, service: reference.service, port: reference.port)
        } catch {
            return try await request.reply.send(Self.answer(to: error, reference, id: target.id))
        }
        if target.rest.isEmpty, request.method == "GET" || request.method == "HEAD" {
            // Relative links of the page would else lead past the Service.
            return try await request.reply.send(Answer(301, [("Location", target.prefix + "/" + target.query)]))
        }
        try await pass(request, target, reference, to: backend)
    }

    // MARK: Passing on

    private func pass(
        _ request: ClientRequest, _ target: ServiceTarget, _ reference: ServiceTarget.Reference,
        to backend: any ServiceBackend
    ) async throws {
        let head = head(of: request, target)
        var failure = BackendFailure("no pod was tried")
        for _ in 0..<max(1, min(backend.attempts, Self.mostAttempts)) {
            try Task.checkCancellation()
            let stream: BackendStream
            do throws(BackendFailure) {
                stream = try await backend.connect()
            } catch {
                failure = error
                continue
            }
            do {
                let exchange = try await BackendExchange(stream, isSecure: reference.isSecure)
                return try await exchange.use {
                    let answer = try await exchange.send(head, request)
                    let location = ServiceLocation(
                        prefix: target.prefix,
                        hosts: [stream.host, request.header("host") ?? ""].filter { !$0.isEmpty })
                    try await passBack(answer, exchange, request, location)
                }
            } catch {
                // Whoever has got a part of an answer, or has given a part of a body, cannot begin again.
                guard !request.reply.hasBegun, !(error is CancellationError) else { throw error }
                let refusal = stream.breaks?.refusal
                failure = refusal ?? BackendFailure(BackendExchange.words(for: error))
                guard request.isRepeatable || refusal != nil, !request.body.wasTaken else { break }
            }
        }
        let words = "error trying to reach service: \(failure)"
        try await request.reply.send(.status(503, reason: "ServiceUnavailable", words))
    }

    private func head(of request: ClientRequest, _ target: ServiceTarget) -> HTTPRequestHead {
        var headers = request.passedHeaders
        // Meant for the API server, which does not pass it on either.
        headers.drop("authorization", "x-forwarded-uri", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix")
        // A page that is packed could not be read here.
        let accepted = request.header("accept")?.lowercased() ?? "*/*"
        if rewritesLinks, accepted.contains("text/html") || accepted.contains("*/*") {
            // And a part of it would be one of other bytes.
            headers.drop("accept-encoding", "range", "if-range")
        }
        let (host, rest) = (request.header("host") ?? "", target.rest.isEmpty ? "/" : target.rest)
        headers.append(("X-Forwarded-Uri", target.prefix + rest))
        if !host.isEmpty { headers.append(("X-Forwarded-Host", host)) }
        headers += [("X-Forwarded-Proto", "http"), ("X-Forwarded-Prefix", target.prefix)]
        if request.isUpgrade {
            headers += [("Connection", "Upgrade"), ("Upgrade", request.header("upgrade") ?? "")]
        } else {
            headers.append(("Connection", "close"))
        }
        if let length = request.body.length {
            if length > 0 || ["POST", "PUT", "PATCH"].contains(request.method) {
                headers.append(("Content-Length", "\(length)"))
            }
        } else {
            headers.append(("Transfer-Encoding", "chunked"))
        }
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: rest + target.query,
            headers: HTTPHeaders(([("Host", host)] + headers).map { ($0.name, $0.value) }))
    }

    private func passBack(
        _ answer: HTTPResponseHead, _ exchange: BackendExchange, _ request: ClientRequest, _ location: ServiceLocation
    ) async throws {
        let all: HeaderList = answer.headers.map { ($0.name, $0.value) }
        if answer.status == .switchingProtocols {
            guard request.isUpgrade else { throw BackendFailure("it switches to a protocol that nobody asked for") }
            let pod = try await exchange.becomeRaw(keepAlive: keepAlive)
            let client: RawEnd.Place
            do {
                client = try await request.reply.becomeRaw(all)
            } catch {
                pod.channel.eventLoop.execute { pod.channel.reset() }
                throw error
            }
            client.channel.eventLoop.execute { try? client.channel.prepareForRaw(keepAlive: keepAlive) }
            return RawEnd.join(client, pod)
        }
        var headers = all.endToEnd
        // Which pages may read it, is for the proxy to say, and it says none.
        headers.drop(
            "access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-headers",
            "access-control-allow-methods")
        headers = headers.map { header in
            header.name.lowercased() == "location" ? (header.name, location.rewritten(header.value)) : header
        }
        let rewrites = rewritesLinks && all.isPlainPage && answer.status != .partialContent
        if rewrites { headers.drop("accept-ranges", "content-md5", "digest", "content-digest", "repr-digest") }
        if !rewrites, let length = all.length { headers.append(("Content-Length", length)) }
        try await request.reply.begin(Int(answer.status.code), answer.status.reasonPhrase, headers)
        var links = rewrites ? PageLinks(location) : nil
        while let piece = try await exchange.body.next() {
            let piece = links?.rewritten(piece) ?? piece
            if piece.readableBytes > 0 { try await request.reply.write(piece) }
        }
        if let last = links?.end(), last.readableBytes > 0 { try await request.reply.write(last) }
        try await request.reply.end()
    }

    // MARK: Refusals

    private static func answer(to refusal: ServiceRefusal, _ reference: ServiceTarget.Reference, id: String) -> Answer {
        let name = Answer.quoted(reference.service)
        func unavailable(_ words: String) -> Answer { .status(503, reason: "ServiceUnavailable", words) }
        switch refusal {
        case .noService:
            let details = #""details":{"name":\#(name),"kind":"services"},"#
            return .status(404, reason: "NotFound", "services \(name) not found", details: details)
        case .noPort(let port): return unavailable("no service port \(port) found for service \(name)")
        case .noPortNamed: return unavailable("no endpoints available for service \(Answer.quoted(id))")
        case .noEndpoints: return unavailable("no endpoints available for service \(name)")
        case .severalPorts(let ports):
            let words =
                "service \(name) has several ports: name one, as in \(reference.service):\(ports.first ?? "80"); "
                + "there are \(ports.joined(separator: ", "))"
            return .status(400, reason: "BadRequest", words)
        case .unknown(let reason): return unavailable("service \(name): \(reason)")
        }
    }
}

extension HeaderList {
    /// HTML that is not packed.
    fileprivate var isPlainPage: Bool {
        let type = first("content-type")?.lowercased().prefix { $0 != ";" }
        return type.map(String.init)?.trimmingBlanks() == "text/html"
            && ["", "identity"].contains(first("content-encoding")?.lowercased() ?? "")
    }
}

extension ClientRequest {
    /// Whether sending it twice does what sending it once does.
    fileprivate var isRepeatable: Bool { ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(method) }
}
