import APITestSupport
import Glibc
import KubernetesAPI
import Relay
import TestSupport

@testable import Tunnels

/// Plays the relay: takes what a tunnel delivers, and speaks with the pod.
final class TunnelClient: Sendable {
    private let ends: Locked<[TunnelEnd]>

    init(_ tunnels: PodTunnels, _ pod: String = "my-pod", _ port: UInt16 = 8080) {
        let ends = Locked<[TunnelEnd]>([])
        self.ends = ends
        tunnels.connect(to: PodPort(namespace: "default", pod: pod, port: port)) { end in
            ends.withLock { $0.append(end) }
        }
    }

    deinit {
        for end in ends.withLock({ $0 }) {
            switch end {
            case .connected(let socket): if !isClosed.withLock({ $0 }) { Glibc.close(socket) }
            case .withdrawn(_, _, let rest): Glibc.close(rest)
            case .failed, .broken: break
            }
        }
    }

    private let isClosed = Locked(false)

    // MARK: - What was delivered

    var count: Int { ends.withLock { $0.count } }

    /// The socket, once there is one.
    func socket() async throws -> Int32 {
        guard await eventually(every: .milliseconds(1), { count > 0 }) else {
            throw ScriptError("nothing was delivered")
        }
        guard case .connected(let socket) = ends.withLock({ $0[0] }) else {
            throw ScriptError("\(ends.withLock { $0[0] })")
        }
        return socket
    }

    /// The errno of an attempt that failed at once.
    func failure() async -> Int32? {
        guard await eventually({ count > 0 }), case .failed(let code) = ends.withLock({ $0[0] }) else { return nil }
        return code
    }

    /// The errno, what had been taken, and what can be read of the rest, with whether that is all.
    func withdrawal(within limit: Duration = .seconds(10)) async -> (Int32, said: [UInt8], isAtEnd: Bool)? {
        guard await eventually(within: limit, { count > 1 }),
            case .withdrawn(let code, var said, let rest) = ends.withLock({ $0[1] })
        else { return nil }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = Glibc.read(rest, &buffer, buffer.count)
            guard count > 0 else { return (code, said, count == 0) }
            said += buffer[..<count]
        }
    }

    var isBroken: Bool {
        ends.withLock { ends in if ends.count > 1, case .broken = ends[1] { true } else { false } }
    }

    /// It has failed, been taken back or broken.
    var isLost: Bool {
        ends.withLock { ends in if case .connected? = ends.last { false } else { !ends.isEmpty } }
    }

    // MARK: - Speaking

    func send(_ bytes: [UInt8]) async throws {
        let socket = try await socket()
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try await Task.sleep(for: .milliseconds(1))
            } else {
                throw ScriptError("send: \(errno)")
            }
        }
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func endSending() async throws { shutdown(try await socket(), Int32(SHUT_WR)) }

    /// Up to so many bytes, or to the end.
    func read(_ wanted: Int = .max, within limit: Duration = .seconds(30)) async throws -> [UInt8] {
        let socket = try await socket()
        let deadline = Deadline.within(limit)
        var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 64 << 10))
        while bytes.count < wanted {
            let count = Glibc.read(socket, &buffer, min(buffer.count, wanted - bytes.count))
            if count > 0 {
                bytes += buffer[..<count]
            } else if count == 0 {
                return bytes
            } else if errno == EAGAIN {
                if deadline.hasPassed { throw ScriptError("nothing more after \(bytes.count) bytes") }
                var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
                if poll(&watched, 1, 1) == 0 { try await Task.sleep(for: .milliseconds(1)) }
            } else {
                throw ScriptError("read: \(errno)")
            }
        }
        return bytes
    }

    func readText() async throws -> String { String(decoding: try await read(), as: UTF8.self) }

    /// As the relay does when its client is gone.
    func close() async throws {
        let socket = try await socket()
        isClosed.withLock { $0 = true }
        Glibc.close(socket)
    }
}

/// Credentials that a test sets, and what a refusal puts in their place.
final class FixedCredentials: CredentialSource {
    private let state: Locked<(token: String, next: String?)>
    private let tls: TLSMaterial?

    init(token: String = "secret", next: String? = nil, tls: TLSMaterial? = nil) {
        state = Locked((token, next))
        self.tls = tls
    }

    func current() async throws(APIError) -> RequestCredentials {
        RequestCredentials(headers: [("Authorization", "Bearer " + state.withLock { $0.token })], tls: tls)
    }

    func rejected(_ credentials: RequestCredentials) async -> Bool {
        state.withLock { state in
            guard let next = state.next else { return false }
            state = (next, nil)
            return true
        }
    }
}

/// Tunnels through a server on loopback, and what they have told.
final class TestTunnels: Sendable {
    let tunnels: PodTunnels
    private let told: Locked<[TunnelProblem]>

    var problems: [TunnelProblem] { told.withLock { $0 } }

    init(
        _ port: UInt16, secure: Bool = false, credentials: FixedCredentials = FixedCredentials(),
        environment: [String: String] = [:], host: String = "127.0.0.1",
        _ change: (inout PodTunnels.Settings) -> Void = { _ in },
        access changeAccess: (inout ClusterAccess) -> Void = { _ in }
    ) throws {
        var access = ClusterAccess(origin: "a test", server: ServerURL(isSecure: secure, host: host, port: port))
        changeAccess(&access)
        let client = try UpgradeClient(access, credentials: credentials, version: "1.2.3", environment: environment)
        var settings = PodTunnels.Settings()
        change(&settings)
        let told = Locked<[TunnelProblem]>([])
        self.told = told
        tunnels = PodTunnels(client, settings) { problem in told.withLock { $0.append(problem) } }
    }

    deinit { tunnels.shutdown() }

    func connect(_ pod: String = "my-pod", _ port: UInt16 = 8080) -> TunnelClient { TunnelClient(tunnels, pod, port) }
}
