internal import EventLoop
internal import Glibc

/// Tells systemd how the service is doing, by the protocol of sd_notify(3): lines of text in a datagram to
/// `$NOTIFY_SOCKET`.
///
/// Without that variable it does nothing. Nothing here fails: a service must not end because its manager does not
/// listen. May be used from any thread, and does not wait.
public struct ServiceManager: Sendable {
    /// A path, or a name in the abstract space behind an `@`; nil if no manager asked to be told.
    public let socket: String?
    /// How often ``ping()`` is to be called at least, or the manager ends the service: half of what it allows, as
    /// sd_notify(3) advises. Nil if it does not watch.
    public let watchdogInterval: Duration?

    /// - Parameters:
    ///   - environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` count.
    ///   - pid: nil stands for this process's.
    public init(environment: [String: String], pid: Int32? = nil) {
        let name = environment["NOTIFY_SOCKET"] ?? ""
        socket = name.hasPrefix("/") || (name.hasPrefix("@") && name.count > 1) ? name : nil
        // A watch that was meant for another process is inherited by its children.
        let isMeant = environment["WATCHDOG_PID"].map { Int32($0) == pid ?? getpid() } ?? true
        let limit = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdogInterval = socket != nil && isMeant && limit > 0 ? .microseconds(limit) / 2 : nil
    }

    /// The manager of this process.
    public static var current: ServiceManager {
        var environment: [String: String] = [:]
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        return ServiceManager(environment: environment)
    }

    /// Whether anybody is told.
    public var isPresent: Bool { socket != nil }

    /// The service has started, or is done with reloading.
    ///
    /// - Parameter mainPID: another process takes over from here on, as in a restart without a gap. The unit needs
    ///   `NotifyAccess=all` (or `exec`) for what that process says itself.
    public func ready(mainPID: Int32? = nil) {
        send((mainPID.map { "MAINPID=\($0)\n" } ?? "") + "READY=1")
    }

    /// It reads its configuration again; ``ready(mainPID:)`` ends that.
    public func reloading() {
        // Units of Type=notify-reload need the time.
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000)")
    }

    /// It is about to end.
    public func stopping() { send("STOPPING=1") }

    /// A line for people, shown by `systemctl status`.
    public func status(_ text: String) {
        send("STATUS=" + text.split(whereSeparator: \.isNewline).joined(separator: "; "))
    }

    /// It is alive; see ``watchdogInterval``.
    public func ping() {
        if watchdogInterval != nil { send("WATCHDOG=1") }
    }

    private func send(_ text: String) {
        guard let socket, let (address, length) = Self.address(socket) else { return }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = Descriptor(owning: Glibc.socket(AF_UNIX, type, 0))
        guard descriptor.isOpen else { return }
        let bytes = Array(text.utf8)
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor.raw, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }

    /// Nil for a name that is too long for a socket's.
    private static func address(_ name: String) -> (sockaddr_un, socklen_t)? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        // In the abstract space the name begins with a zero, and has no end but its length.
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        let isFitting = withUnsafeMutableBytes(of: &address.sun_path) { path in
            guard bytes.count < path.count else { return false }
            path.copyBytes(from: bytes)
            return true
        }
        guard isFitting else { return nil }
        let head = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        return (address, socklen_t(head + bytes.count + (bytes[0] == 0 ? 0 : 1)))
    }
}
