import APITestSupport
import NIOCore
import TestSupport
import Testing

@testable import APIProxy
@testable import KubernetesAPI

/// Credentials that never change.
struct TestCredentials: CredentialSource {
    var headers: [(name: String, value: String)] = []
    var tls: TLSMaterial?

    func current() async throws(APIError) -> RequestCredentials {
        RequestCredentials(headers: headers, tls: tls, issue: 0)
    }

    func rejected(_ credentials: RequestCredentials) async -> Bool { false }
}

/// One authority for all tests of this process.
enum Authority {
    static let shared = Task { try await TestAuthority() }
    static let server = Task { try await shared.value.server() }
}

/// A proxy that runs, in front of a server on loopback.
final class Rig: Sendable {
    /// Where it says that it listens.
    let name: String
    private let running: Task<Void, any Error>

    init(
        of port: UInt16, secure: Bool = false, path: String = "", token: String = "secret",
        _ change: (inout APIProxy.Settings) -> Void = { _ in }
    ) async throws {
        let access = ClusterAccess(
            origin: "a test", server: ServerURL(isSecure: secure, host: "127.0.0.1", port: port, path: path))
        var credentials = TestCredentials(headers: [("Authorization", "Bearer \(token)")])
        if secure {
            credentials.tls = TLSMaterial(revision: 1, authorities: try await Authority.shared.value.certificate)
        }
        var settings = APIProxy.Settings()
        settings.address = .port(host: "127.0.0.1", port: 0)
        change(&settings)
        let proxy = APIProxy(
            settings,
            passage: try APIPassage(access, credentials: credentials, version: "1.2.3", environment: [:]),
            upgrades: try UpgradeClient(access, credentials: credentials, version: "1.2.3", environment: [:]))
        let place = Locked<Result<String, any Error>?>(nil)
        running = Task {
            do {
                try await proxy.run { name in place.withLock { $0 = .success(name) } }
            } catch {
                place.withLock { $0 = $0 ?? .failure(error) }
                throw error
            }
        }
        guard await eventually({ place.withLock { $0 != nil } }), let result = place.withLock({ $0 }) else {
            throw ScriptError("the proxy does not begin")
        }
        name = try result.get()
    }

    deinit { running.cancel() }

    var port: Int { name.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

    /// Ends it, and returns when it has.
    func end() async {
        running.cancel()
        _ = await running.result
    }

    func client(reads: Bool = true, receiveBuffer: Int? = nil) async throws -> RawClient {
        try await RawClient(port: port, reads: reads, receiveBuffer: receiveBuffer)
    }

    /// Sends a request on a connection of its own, and reads to the end of that.
    func ask(
        _ method: String = "GET", _ target: String, host: String? = "127.0.0.1:8001",
        _ headers: [(String, String)] = [], body: String? = nil
    ) async throws -> RawAnswer {
        let client = try await client()
        var lines = ["\(method) \(target) HTTP/1.1"]
        if let host { lines.append("Host: \(host)") }
        lines += headers.map { "\($0.0): \($0.1)" }
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        lines.append("Connection: close")
        try await client.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
        guard await eventually({ client.hasEnded }) else {
            throw ScriptError("no end of \(method) \(target): \(client.text)")
        }
        return try RawAnswer(client.bytes)
    }
}

/// A script that answers with what it was asked.
let mirror = Script { request, reply in
    var lines = ["\(request.method) \(request.target)"]
    lines += request.headers.map { "\($0.name): \($0.value)" }
    let text = lines.joined(separator: "\n") + "\n\n" + String(decoding: request.body, as: UTF8.self)
    try await reply.head(200, [("Content-Type", "text/plain")], framing: .length(text.utf8.count))
    try await reply.write(text)
    try await reply.end()
}
