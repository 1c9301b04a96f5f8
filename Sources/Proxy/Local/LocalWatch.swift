internal import Base
internal import Glibc
internal import Host

/// Looks who listens on this machine, as far as targets of `--local` ask. It connects to nobody. Any thread.
public final class LocalWatch: Sendable {
    /// For more ports than these it takes less to ask for all.
    private static let fewPorts = 4
    /// So often it is looked again whose a socket is that seems to be none of the command's: its process may have come into being
    /// just then.
    private static let doubts = 3

    private struct State {
        var command: Int32?
        /// Whose the sockets are, by inode, and how often that was looked up.
        var owners: [UInt32: (owner: LocalSight.Owner, looks: Int)] = [:]
        var sight = LocalSight()
    }

    private let ports: Set<UInt16>
    private let transports: Set<TransportProtocol>
    private let asksForCommand: Bool
    private let asksForHosts: Bool
    private let state = Guarded(State())

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

    /// What was seen last.
    public var sight: LocalSight { state.withLock { $0.sight } }

    /// The command behind `--` is running.
    public func follow(_ command: Int32) { state.withLock { $0.command = command } }

    /// - Returns: whether anything is different from what was seen last.
    public func look() -> Bool {
        let sockets = transports.flatMap { transport in listening(transport).map { ($0, transport) } }
        let addresses = asksForHosts ? Set(NetworkInterfaces.current().addresses.map(\.ip)) : []
        return state.withLock { state in
            tellOwners(of: Set(sockets.map(\.0.inode)), &state)
            let listeners = sockets.map { LocalSight.Listener($0.0, $0.1, state.owners[$0.0.inode]?.owner ?? .other) }
            // Of others' sockets only those that somebody asks for.
            let sight = LocalSight(
                Set(listeners.filter { ports.contains($0.socket.address.port) || $0.owner == .command }),
                addresses: addresses)
            defer { state.sight = sight }
            return sight != state.sight
        }
    }

    private func listening(_ transport: TransportProtocol) -> [ListeningSocket] {
        if asksForCommand || ports.count > Self.fewPorts { return ListeningSockets.all(transport) }
        return ports.flatMap { ListeningSockets.all(transport, port: $0) }
    }

    private func tellOwners(of inodes: Set<UInt32>, _ state: inout State) {
        state.owners = state.owners.filter { inodes.contains($0.key) }
        let owners = state.owners
        let most = asksForCommand ? Self.doubts : 1
        let unknown = inodes.filter { inode in
            guard let known = owners[inode] else { return true }
            return known.owner == .other && known.looks < most
        }
        guard !unknown.isEmpty else { return }
        let own = ProcessSockets.inodes(of: getpid())
        let command = asksForCommand ? state.command.map(ProcessSockets.family) ?? [] : []
        let commands = command.reduce(into: Set()) { $0.formUnion(ProcessSockets.inodes(of: $1)) }
        for inode in unknown {
            let owner: LocalSight.Owner = own.contains(inode) ? .own : commands.contains(inode) ? .command : .other
            state.owners[inode] = (owner, (owners[inode]?.looks ?? 0) + 1)
        }
    }
}
