internal import Base
internal import Glibc
internal import Host

/// Looks who listens on this machine, as far as targets of `--local` ask. It connects to nobody.
///
/// The actor runs on a thread of its own: to find out whose a socket is it goes through all processes, which takes a
/// while where there are thousands, and must hold up none of the few threads that all of Swift's concurrency shares.
public actor LocalWatch {
    /// For more ports than these it takes less to ask for all.
    private static let fewPorts = 4
    /// So often it is looked again whose a socket is that seems to be none of the command's: its process may have come
    /// into being just then.
    private static let doubts = 3

    private let ports: Set<UInt16>
    private let transports: Set<TransportProtocol>
    private let asksForCommand: Bool
    private let asksForHosts: Bool
    /// Whose the sockets are, by inode, and how often that was looked up.
    private var owners: [UInt32: (owner: LocalSight.Owner, looks: Int)] = [:]
    private let command = Guarded<Int32?>(nil)
    private let seen = Guarded(LocalSight())

    private let executor = QueueExecutor(label: "portico.locals")
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    public init(_ targets: [LocalTarget]) {
        var ports: Set<UInt16> = []
        var hosts: [StaticService.Host] = []
        for case .port(let port, let host) in targets.map(\.place) {
            ports.insert(port)
            if let host { hosts.append(host) }
        }
        self.ports = ports
        transports = Set(targets.flatMap { $0.transport.map { [$0] } ?? [.tcp, .udp] })
        asksForCommand = targets.contains { $0.place == .command }
        asksForHosts = hosts.contains {
            if case .address(let ip) = $0 { !ip.isLoopback } else { true }
        }
    }

    /// What was seen last. Any thread; nobody waits for a look that is under way.
    public nonisolated var sight: LocalSight { seen.withLock { $0 } }

    /// The command behind `--` is running.
    public nonisolated func follow(_ command: Int32) { self.command.withLock { $0 = command } }

    /// - Returns: whether anything is different from what was seen last.
    public func look() -> Bool {
        let sockets = listening()
        let interfaces = asksForHosts ? try? NetworkInterfaces.current() : NetworkInterfaces()
        // If that could not be seen, it is as before.
        let addresses = interfaces.map { Set($0.addresses.map(\.ip)) } ?? sight.addresses
        tellOwners(of: Set(sockets.map(\.socket.inode)))
        let listeners = sockets.map {
            LocalSight.Listener($0.socket, $0.transport, owners[$0.socket.inode]?.owner ?? .other)
        }
        // Of others' sockets only those that somebody asks for.
        let now = LocalSight(
            Set(listeners.filter { ports.contains($0.socket.address.port) || $0.owner == .command }),
            addresses: addresses)
        return seen.withLock { seen in
            defer { seen = now }
            return seen != now
        }
    }

    private func listening() -> [(socket: ListeningSocket, transport: TransportProtocol)] {
        ListeningSockets.all(transports, ports: asksForCommand || ports.count > Self.fewPorts ? [nil] : Array(ports))
    }

    private func tellOwners(of inodes: Set<UInt32>) {
        owners = owners.filter { inodes.contains($0.key) }
        let most = asksForCommand ? Self.doubts : 1
        let unknown = inodes.filter { inode in
            guard let known = owners[inode] else { return true }
            return known.owner == .other && known.looks < most
        }
        guard !unknown.isEmpty else { return }
        let own = ProcessSockets.inodes(of: getpid())
        let command = asksForCommand ? self.command.withLock { $0 }.map(ProcessSockets.family) ?? [] : []
        let commands = command.reduce(into: Set()) { $0.formUnion(ProcessSockets.inodes(of: $1)) }
        for inode in unknown {
            let owner: LocalSight.Owner = own.contains(inode) ? .own : commands.contains(inode) ? .command : .other
            owners[inode] = (owner, (owners[inode]?.looks ?? 0) + 1)
        }
    }
}
