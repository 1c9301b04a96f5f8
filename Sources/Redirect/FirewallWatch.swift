internal import Base
internal import EventLoop

/// Notices when others change the firewall where Portico's rules are, long before the look at every period.
///
/// Of iptables over nftables the kernel tells whoever asks. Of the older kind it tells nobody; there the sizes of the
/// tables are looked at, which takes microseconds and no program (``LegacyTables``).
public final class FirewallWatch: Sendable {
    /// One element for any number of changes since the last one was taken.
    public let disturbances: AsyncStream<Void>

    /// How often the older kind's tables are looked at.
    private static let interval = Duration.milliseconds(200)

    /// Counts the transactions of nftables; nil where that is not what is watched, or the kernel does not tell.
    let generation: NftablesGeneration?

    private let state: Guarded<State>
    private let disturbance: AsyncStream<Void>.Continuation
    private let news: KernelNews?
    private let tasks: [Task<Void, Never>]

    private struct State {
        var news: FirewallNews
        /// Transactions that have touched Portico's rules and have not been looked at.
        var touching: [UInt32] = []
        /// The kernel had no room for some of what it had to tell.
        var hasMissed = false
        /// The older kind's tables as they are known; nil where the kernel tells of everything.
        var tables: LegacyTables?
        var isOwnChange = false
        var count = DisturbanceCount()
    }

    /// Begins to watch, in the network namespace of the calling thread.
    ///
    /// - Parameters:
    ///   - kind: of the kernel's tables that are used; nil watches both.
    ///   - isCarrying: also of the chains by which the kernel carries Services itself.
    public init(_ kind: Iptables.Variant?, isCarrying: Bool = false) {
        var first = State(news: FirewallNews(isCarrying: isCarrying))
        first.tables = kind == .nft ? nil : .current()
        let state = Guarded(first)
        let generation = kind == .legacy ? nil : NftablesGeneration()
        let news =
            kind == .legacy
            ? nil
            : try? KernelNews(.nftables) { bytes in
                state.withLock { state in
                    guard let bytes else {
                        state.news.skip()
                        state.hasMissed = true
                        return true
                    }
                    let touching = state.news.take(bytes)
                    state.touching += touching
                    return !touching.isEmpty
                }
            }
        let (disturbances, disturbance) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let look: @Sendable () -> Void = { if Self.isDisturbed(state, generation) { disturbance.yield() } }
        var tasks: [Task<Void, Never>] = []
        if let news { tasks.append(Task { for await _ in news.news { look() } }) }
        if kind != .nft {
            tasks.append(Task { while (try? await Task.sleep(for: Self.interval)) != nil { look() } })
        }
        self.disturbances = disturbances
        self.disturbance = disturbance
        self.generation = generation
        self.state = state
        self.news = news
        self.tasks = tasks
    }

    deinit {
        for task in tasks { task.cancel() }
    }

    /// How many there have been so far: one that came before it was read needs no look of its own.
    public var count: DisturbanceCount { state.withLock { $0.count } }

    /// Of the older kind's tables only the sizes are seen. So what others do to them while rules are written is taken for
    /// what was written, and only another look finds it.
    public var needsAnotherLook: Bool { state.withLock { $0.tables != nil } }

    /// What happens to the tables until ``ownChangeEnds(hasWritten:)`` is looked at after that.
    func ownChangeBegins() { state.withLock { $0.isOwnChange = true } }

    /// - Parameter hasWritten: how the older kind's tables are now is how they should be; else they should be as before.
    func ownChangeEnds(hasWritten: Bool) {
        state.withLock { state in
            state.isOwnChange = false
            if hasWritten, state.tables != nil { state.tables = .current() }
        }
        if Self.isDisturbed(state, generation) { disturbance.yield() }
    }

    private static func isDisturbed(_ state: Guarded<State>, _ generation: NftablesGeneration?) -> Bool {
        state.withLock { state in
            // Which transactions are Portico's own is known when they are over.
            guard !state.isOwnChange else { return false }
            let authors = state.touching.map { generation?.author(of: $0) ?? .unsure }
            let present = state.tables.map { _ in LegacyTables.current() }
            let isByOthers = authors.contains(.others) || present != state.tables
            guard isByOthers || authors.contains(.unsure) || state.hasMissed else {
                state.touching = []
                return false
            }
            (state.touching, state.hasMissed, state.tables) = ([], false, present)
            state.count.all += 1
            if isByOthers { state.count.byOthers += 1 }
            return true
        }
    }
}

/// How often something may have been changed.
public struct DisturbanceCount: Equatable, Sendable {
    /// Also where it cannot be told by whom, or whether at all.
    public var all = 0
    /// Certainly by another process.
    public var byOthers = 0

    public init() {}
}
