internal import TestSupport

/// A certificate authority of a test, made by the `openssl` program. What it signs is good for a month, unless it is asked for
/// something else.
public final class TestAuthority: Sendable {
    /// A certificate and its key, in PEM.
    public struct Pair: Sendable {
        public let certificate: [UInt8]
        public let key: [UInt8]
    }

    /// The authority's own certificate, in PEM.
    public var certificate: [UInt8] { own.certificate }

    private let own: Pair
    private let folder: TemporaryDirectory
    private let count = Locked(0)

    public init(name: String = "test authority") async throws {
        folder = try TemporaryDirectory()
        try await Self.openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=\(name)", "-keyout", folder.file("ca.key"), "-out", folder.file("ca.crt"))
        own = Pair(
            certificate: try contents(of: folder.file("ca.crt")), key: try contents(of: folder.file("ca.key")))
    }

    /// A certificate for a server of these names (`DNS:api.example`, `IP:127.0.0.1`).
    public func server(_ names: [String] = ["DNS:localhost", "IP:127.0.0.1"], days: Int = 30) async throws -> Pair {
        try await signed(subject: "/CN=test server", names: names, days: days)
    }

    /// A certificate for a user.
    public func client(_ user: String) async throws -> Pair {
        try await signed(subject: "/O=system:masters/CN=\(user)", names: [], days: 30)
    }

    /// - Parameter days: how long it is good for; a negative number makes one that has expired.
    private func signed(subject: String, names: [String], days: Int) async throws -> Pair {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let base = folder.file("\(number)")
        let extensions = names.isEmpty ? [] : ["-addext", "subjectAltName=" + names.joined(separator: ",")]
        try await Self.openssl(
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject]
                + extensions + ["-keyout", base + ".key", "-out", base + ".csr"])
        try await Self.openssl(
            "x509", "-req", "-in", base + ".csr", "-CA", folder.file("ca.crt"), "-CAkey", folder.file("ca.key"),
            "-set_serial", "\(number)", "-days", "\(days)", "-copy_extensions", "copyall", "-out", base + ".crt")
        return Pair(certificate: try contents(of: base + ".crt"), key: try contents(of: base + ".key"))
    }

    private static func openssl(_ arguments: String...) async throws { try await openssl(arguments) }

    private static func openssl(_ arguments: [String]) async throws {
        guard let program = findProgram("openssl") else { throw ScriptError("no openssl on PATH") }
        let child = try ChildProcess(program, arguments)
        child.closeInput()
        let result = try await child.finished()
        guard result.status == 0 else { throw ScriptError("openssl \(arguments[0]): \(result.errors)") }
    }
}

/// What went wrong in a test's own tool.
public struct ScriptError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
