public import Base
internal import EventLoop
internal import Glibc
public import HTTP
internal import Host
public import Resolution

/// The listeners at `healthCheckNodePort`s, where load balancers ask whether this node has endpoints of a Service
/// (docs/behaviour.md, B11.3).
///
/// Always given the whole list, it opens, moves and closes what differs; a Service that only has more or fewer endpoints keeps
/// its listener and its connections. May be used from any thread; all listeners are served by the thread of one ``HTTPServer``.
public final class ServiceHealthServers: Sendable {
    private struct Key: Hashable {
        let namespace: String
        let name: String

        init(_ entry: ServiceHealthEntry) { (namespace, name) = (entry.namespace, entry.name) }
    }

    private struct Open {
        let port: UInt16
        /// What the listeners' answers are made from.
        let entry: Guarded<ServiceHealthEntry>
        var listeners: [IPAddress: HTTPListener] = [:]
    }

    private let health: ProxyHealth
    private let server: HTTPServer
    private let isShared: Bool
    private let ceiling: Int
    private let state = Guarded<[Key: Open]>([:])

    /// - Parameter shared: another process of this user may listen at the same ports, if it also does so shared: for a restart
    ///   without a gap.
    /// - Parameter ceiling: descriptors of this number and above are left to others; there may be thousands of listeners.
    public init(_ health: ProxyHealth, on server: HTTPServer, shared: Bool = false, ceiling: Int = .max) {
        self.ceiling = ceiling
        self.health = health
        self.server = server
        isShared = shared
    }

    /// Makes the listeners what `checks` say. Blocks for as long as that takes, which is milliseconds.
    ///
    /// - Parameters:
    ///   - addresses: the node's addresses that take node ports; a wildcard stands for all of its family. Where the machine
    ///     has no such family, its wildcard is left out without a word.
    /// - Returns: what could not be opened. All else is; it is tried again at the next call.
    public func update(
        _ checks: [ServiceHealthEntry], addresses: [IPAddress] = [.anyIPv4, .anyIPv6]
    ) -> [ServiceHealthProblem] {
        state.withLock { state in
            let wanted = Dictionary(checks.map { (Key($0), $0) }) { first, _ in first }
            // Everything closes before anything opens, since a port may go from one Service to another.
            for (key, open) in state {
                if wanted[key]?.nodePort != open.port {
                    for listener in open.listeners.values { listener.close() }
                    state[key] = nil
                } else {
                    for (address, listener) in open.listeners where !addresses.contains(address) {
                        listener.close()
                        state[key]?.listeners[address] = nil
                    }
                }
            }
            var problems: [ServiceHealthProblem] = []
            for (key, entry) in wanted.sorted(by: { $0.value.service < $1.value.service }) {
                var open = state[key] ?? Open(port: entry.nodePort, entry: Guarded(entry))
                open.entry.withLock { $0 = entry }
                // The kernel would not refuse the second one if ports are shared.
                let rival = state.first { $0.key != key && $0.value.port == entry.nodePort }
                if let rival {
                    let service = "\(rival.key.namespace)/\(rival.key.name)"
                    problems.append(Self.problem(entry, "port \(entry.nodePort): Service \(service) has it"))
                    continue
                }
                for address in addresses where open.listeners[address] == nil {
                    do throws(SystemError) {
                        open.listeners[address] = try listen(address, open)
                    } catch {
                        if address.isUnspecified, error.isFamilyMissing { continue }
                        let place = EndpointAddress(ip: address, port: entry.nodePort)
                        let owner = error.isAddressInUse ? PortOwner.find(place) : nil
                        let words = "\(place): \(error.reason)" + (owner.map { ", held by \($0)" } ?? "")
                        problems.append(Self.problem(entry, words))
                    }
                }
                state[key] = open
            }
            return problems
        }
    }

    /// Where it listens, for a look at it.
    public var ports: Set<UInt16> {
        state.withLock { state in Set(state.values.filter { !$0.listeners.isEmpty }.map(\.port)) }
    }

    private func listen(_ address: IPAddress, _ open: Open) throws(SystemError) -> HTTPListener {
        try server.listen(on: SocketAddress(address, port: open.port), shared: isShared, below: ceiling) {
            [health, entry = open.entry] _ in
            entry.withLock { $0 }.answer(isProxyHealthy: health.isHealthy)
        }
    }

    private static func problem(_ entry: ServiceHealthEntry, _ words: String) -> ServiceHealthProblem {
        ServiceHealthProblem(
            namespace: entry.namespace, name: entry.name,
            description: "cannot listen for health checks of Service \(entry.service) at \(words)")
    }
}

extension IPAddress {
    /// `0.0.0.0`
    public static let anyIPv4 = IPAddress(v4: 0)
    /// `::`
    public static let anyIPv6 = IPAddress(v6High: 0, low: 0)
}

extension SocketAddress {
    init(_ address: IPAddress, port: UInt16) {
        switch address.family {
        case .ipv4: self.init(v4: UInt32(truncatingIfNeeded: address.low), port: port)
        case .ipv6: self.init(v6High: address.high, low: address.low, port: port)
        }
    }
}

extension SystemError {
    /// A kernel without IPv6, or with it switched off.
    var isFamilyMissing: Bool { code == EAFNOSUPPORT || code == EADDRNOTAVAIL }
}
