public import Base
internal import EventLoop
internal import Glibc
public import HTTP
internal import Host
public import Objects
public import Resolution

/// The listeners at `healthCheckNodePort`s, where load balancers ask whether this node has endpoints of a Service
/// (docs/behaviour.md, B11.3).
///
/// Told what has changed, by Service, it opens, moves and closes what differs and touches no other Service; one that
/// only has more or fewer endpoints keeps its listeners and its connections. May be used from any thread; all listeners
/// are served by the thread of one ``HTTPServer``.
public final class ServiceHealthServers: Sendable {
    private struct Check {
        let port: UInt16
        /// What the listeners' answers are made from.
        let entry: Guarded<ServiceHealthEntry>
        var listeners: [IPAddress: HTTPListener] = [:]
    }

    private struct Books {
        var addresses: [IPAddress] = [.anyIPv4, .anyIPv6]
        var checks: [ObjectKey: Check] = [:]
        /// Whose port it is. The kernel would not refuse a second one if ports are shared between processes.
        var holders: [UInt16: ObjectKey] = [:]
        /// Of those that lack a listener.
        var problems: [ObjectKey: [ServiceHealthProblem]] = [:]
    }

    private let health: ProxyHealth
    private let server: HTTPServer
    private let isShared: Bool
    private let ceiling: Int
    private let books = Guarded(Books())

    /// - Parameter shared: another process of this user may listen at the same ports, if it also does so shared: for a
    ///   restart without a gap.
    /// - Parameter ceiling: descriptors of this number and above are left to others; there may be thousands of
    ///   listeners.
    public init(_ health: ProxyHealth, on server: HTTPServer, shared: Bool = false, ceiling: Int = .max) {
        self.ceiling = ceiling
        self.health = health
        self.server = server
        isShared = shared
    }

    /// Makes the listeners of these Services what is said of them; those that lack one are tried again with them.
    /// Blocks for as long as that takes, which is milliseconds.
    ///
    /// - Parameters:
    ///   - changes: nil for a Service that is not asked about any more.
    ///   - addresses: the node's addresses that take node ports, if they may have changed; a wildcard stands for all of
    ///     its family. Where the machine has no such family, its wildcard is left out without a word.
    /// - Returns: all that could not be opened, of any Service, in the order of their names.
    @discardableResult
    public func update(
        _ changes: [ObjectKey: ServiceHealthEntry?] = [:], addresses: [IPAddress]? = nil
    ) -> [ServiceHealthProblem] {
        books.withLock { books in
            var touched = Set(changes.keys).union(books.problems.keys)
            if let addresses, addresses != books.addresses {
                books.addresses = addresses
                touched.formUnion(books.checks.keys)
            }
            // Everything closes before anything opens, since a port may go from one Service to another.
            for key in touched { close(key, changes[key], &books) }
            for key in touched.sorted() { open(key, &books) }
            return books.problems.sorted { $0.key < $1.key }.flatMap(\.value)
        }
    }

    /// Where it listens, for a look at it.
    public var ports: Set<UInt16> {
        books.withLock { books in Set(books.checks.values.filter { !$0.listeners.isEmpty }.map(\.port)) }
    }

    /// - Parameter change: what is new; nil if nothing is.
    private func close(_ key: ObjectKey, _ change: ServiceHealthEntry??, _ books: inout Books) {
        if let change, change?.nodePort != books.checks[key]?.port, let old = books.checks.removeValue(forKey: key) {
            for listener in old.listeners.values { listener.close() }
            if books.holders[old.port] == key { books.holders[old.port] = nil }
        }
        if case .some(.some(let entry)) = change {
            if let known = books.checks[key] {
                known.entry.withLock { $0 = entry }
            } else {
                books.checks[key] = Check(port: entry.nodePort, entry: Guarded(entry))
            }
        }
        for (address, listener) in books.checks[key]?.listeners ?? [:] where !books.addresses.contains(address) {
            listener.close()
            books.checks[key]?.listeners[address] = nil
        }
    }

    /// Opens what a Service lacks.
    private func open(_ key: ObjectKey, _ books: inout Books) {
        books.problems[key] = nil
        guard var check = books.checks[key] else { return }
        func isMissing(_ words: String) {
            let text = "cannot listen for health checks at \(words)"
            books.problems[key, default: []].append(
                ServiceHealthProblem(namespace: key.namespace, name: key.name, text: text))
        }
        let holder = books.holders[check.port] ?? key
        guard holder == key else { return isMissing("port \(check.port): Service \(holder) has it") }
        books.holders[check.port] = key
        for address in books.addresses where check.listeners[address] == nil {
            do throws(SystemError) {
                check.listeners[address] = try listen(address, check)
            } catch {
                if address.isUnspecified, error.isFamilyMissing { continue }
                let place = EndpointAddress(ip: address, port: check.port)
                let owner = error.isAddressInUse ? PortOwner.find(place) : nil
                isMissing("\(place): \(error.reason)" + (owner.map { ", held by \($0)" } ?? ""))
            }
        }
        books.checks[key] = check
    }

    private func listen(_ address: IPAddress, _ check: Check) throws(SystemError) -> HTTPListener {
        try server.listen(on: SocketAddress(address, port: check.port), shared: isShared, below: ceiling) {
            [health, entry = check.entry] _ in
            entry.withLock { $0 }.answer(isProxyHealthy: health.takesClients)
        }
    }
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
