internal import CTestSupport
internal import Glibc

/// What a thread can have for itself although the threads of a process share it: shortages that only the code under test is
/// to feel are made there.
public enum OwnResources {
    /// From here on the calling thread's descriptors are a copy of those of the process, and what it opens, closes or hoards
    /// is nobody else's. Swift's own threads need descriptors at moments that nobody chooses, and do not survive the lack.
    public static func takeDescriptors() throws(PeerError) {
        // Before there is a difference between its maker's descriptors and those of the process.
        _ = Waker.shared
        guard test_own_descriptors() == 0 else { throw PeerError.last("unshare descriptors") }
    }

    /// Runs `body` on a thread that is in a network of its own, with nothing but loopback, and so are the threads and sockets
    /// that it makes. Sockets stay in the network they were made in, whoever uses them.
    ///
    /// - Parameter ports: those that outgoing connections of that network may have.
    public static func inOwnNetwork<Value: Sendable>(
        ports: ClosedRange<UInt16>, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await onThread {
            try takeNetwork(ports: ports)
            return try body()
        }
    }

    private static func takeNetwork(ports: ClosedRange<UInt16>) throws {
        guard test_own_network() == 0 else { throw PeerError.last("unshare network") }
        try run("ip", "link set lo up")
        let path = "/proc/sys/net/ipv4/ip_local_port_range"
        let file = Glibc.open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw PeerError.last("open \(path)") }
        defer { close(file) }
        let range = "\(ports.lowerBound) \(ports.upperBound)"
        guard Glibc.write(file, range, range.utf8.count) > 0 else { throw PeerError.last("write \(path)") }
    }

    /// Runs a program to its end, in the network of the calling thread.
    ///
    /// - Parameter arguments: parted by blanks.
    public static func run(_ program: String, _ arguments: String) throws {
        guard let path = findProgram(program) else { throw PeerError.unexpected("\(program) is not installed") }
        let result = try runProgram(path, arguments.split(separator: " ").map(String.init), within: .seconds(10))
        guard result.status == 0 else { throw PeerError.unexpected("\(program) \(arguments): \(result.errors)") }
    }

    /// Runs `body` in the network of another process, in the same way.
    public static func inNetwork<Value: Sendable>(
        of process: Int32, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await inNetwork(at: "/proc/\(process)/ns/net", body)
    }

    /// Runs `body` in the network that `ip netns` knows by a name.
    public static func inNetwork<Value: Sendable>(
        named name: String, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await inNetwork(at: "/run/netns/\(name)", body)
    }

    private static func inNetwork<Value: Sendable>(
        at path: String, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await onThread {
            let namespace = open(path, O_RDONLY | O_CLOEXEC)
            guard namespace >= 0 else { throw PeerError.last("open the network \(path)") }
            defer { close(namespace) }
            guard test_enter_network(namespace) == 0 else { throw PeerError.last("setns") }
            return try body()
        }
    }

    /// A thread of its own, which ends there: the threads of the tests must stay as they are.
    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let completion = Completion<Result<Value, any Error>>()
        try spawnThread { completion.finish(Result { try body() }) }
        return try await completion.value.get()
    }
}
