import APITestSupport
import TestSupport
import Testing

@testable import KubernetesAPI

/// Credentials that a test sets.
final class TestCredentials: CredentialSource {
    private struct State {
        var headers: [(name: String, value: String)]
        var tls: TLSMaterial?
        /// What a 401 puts in place of the headers.
        var next: [(name: String, value: String)]?
        var refusals = 0
    }
    private let state: Locked<State>

    init(token: String? = nil, tls: TLSMaterial? = nil) {
        state = Locked(State(headers: Self.headers(token), tls: tls))
    }

    private static func headers(_ token: String?) -> [(name: String, value: String)] {
        token.map { [("Authorization", "Bearer \($0)")] } ?? []
    }

    var refusals: Int { state.withLock { $0.refusals } }

    func change(tls: TLSMaterial) { state.withLock { $0.tls = tls } }

    func renewWhenRefused(token: String) { state.withLock { $0.next = Self.headers(token) } }

    func current() async throws(APIError) -> RequestCredentials {
        state.withLock { RequestCredentials(headers: $0.headers, tls: $0.tls, issue: 0) }
    }

    func rejected(_ credentials: RequestCredentials) async -> Bool {
        state.withLock { state in
            state.refusals += 1
            guard let next = state.next else { return false }
            (state.headers, state.next) = (next, nil)
            return true
        }
    }
}

/// One authority for all tests of this process; making keys takes its time.
enum Authority {
    static let shared = Task { try await TestAuthority() }
    static let server = Task { try await shared.value.server() }
}

/// A server with TLS on loopback.
func secureServer(offersHTTP2: Bool = true) async throws -> ScriptedAPIServer {
    try await ScriptedAPIServer(identity: try await Authority.server.value, offersHTTP2: offersHTTP2)
}

/// What a client has to know to trust servers of the shared authority.
func trust(revision: Int = 1, client: TestAuthority.Pair? = nil) async throws -> TLSMaterial {
    TLSMaterial(
        revision: revision, authorities: try await Authority.shared.value.certificate,
        certificate: client?.certificate, key: client?.key)
}

/// A client of a server on loopback.
func client(
    of port: UInt16, host: String = "127.0.0.1", secure: Bool = true, token: String? = nil,
    credentials: TestCredentials? = nil, environment: [String: String] = [:],
    clock: any Clock<Duration> = ContinuousClock(), _ change: (inout ClusterAccess) -> Void = { _ in }
) async throws -> HTTPAPIClient {
    var access = ClusterAccess(
        origin: "a test", server: ServerURL(isSecure: secure, host: host, port: port))
    change(&access)
    let held: TestCredentials
    if let credentials { held = credentials } else { held = TestCredentials(token: token, tls: try await trust()) }
    return try HTTPAPIClient(access, credentials: held, version: "1.2.3", environment: environment, clock: clock)
}

extension APIBody {
    /// All of it.
    func whole() async throws(APIError) -> [UInt8] {
        var all: [UInt8] = []
        while let piece = try await next() { all += piece }
        return all
    }

    func text() async throws(APIError) -> String { String(decoding: try await whole(), as: UTF8.self) }
}

/// The error that `body` throws.
func apiError(_ body: () async throws(APIError) -> Void) async throws -> APIError {
    do {
        try await body()
    } catch {
        return error
    }
    throw ScriptError("there was no error")
}
