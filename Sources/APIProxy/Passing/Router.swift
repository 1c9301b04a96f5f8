internal import KubernetesAPI
internal import NIOCore

/// Decides who answers a request: nobody, the folder of files, a Service's pods or the API server.
struct Router: Sendable {
    let settings: APIProxy.Settings
    let passage: APIPassage
    let upgrades: UpgradeClient

    @Sendable
    func respond(to request: ClientRequest) async throws {
        // Of two hosts, one would be looked at by us and the other perhaps by the next.
        let hosts = request.headers.count { $0.name.lowercased() == "host" }
        guard let path = RequestPath(target: request.target), request.method != "CONNECT", hosts <= 1 else {
            return try await request.reply.send(.text(400, "400 Bad Request"))
        }
        if path.cleaned != path.encoded {
            let answer = Answer.moved(to: path.cleaned + path.query, method: request.method)
            return try await request.reply.send(answer)
        }
        switch settings.placement.place(of: path) {
        case .nowhere: try await request.reply.send(.notFound)
        case .slash: try await request.reply.send(.moved(to: path.encoded + "/" + path.query, method: request.method))
        case .file(let name): try await file(name, request)
        case .api(let below):
            guard let below = RequestPath(target: below + path.query) else {
                return try await request.reply.send(.notFound)
            }
            try await pass(request, below, prefix: String(path.encoded.dropLast(below.encoded.count)))
        }
    }

    private func file(_ name: String, _ request: ClientRequest) async throws {
        // What is in the folder is not for other pages either.
        guard let files = settings.files else { return try await request.reply.send(.notFound) }
        if let filter = settings.filter, filter.refusesHost(request.header("host")) {
            return try await request.reply.send(.forbidden)
        }
        try await files.answer(name, request)
    }

    private func pass(_ request: ClientRequest, _ path: RequestPath, prefix: String) async throws {
        let target = settings.services == nil ? nil : ServiceTarget(path, namespace: settings.namespace, prefix: prefix)
        if let filter = settings.filter {
            // What is refused by one of its names is refused by the other.
            for path in [path, target?.longForm].compactMap(\.self) {
                let refusal = filter.refusal(
                    method: request.method, path: path, host: request.header("host"), origin: request.header("origin"),
                    isUpgrade: request.isUpgrade)
                guard refusal == nil else { return try await request.reply.send(.forbidden) }
            }
        }
        if let backends = settings.services, let target {
            let passing = ServicePassing(
                backends: backends, keepAlive: settings.keepAlive, rewritesLinks: settings.rewritesLinks)
            return try await passing.answer(request, target)
        }
        try await ServerPassing(passage: passage, upgrades: upgrades, keepAlive: settings.keepAlive)
            .answer(request, path)
    }
}
