internal import Base
internal import EventLoop

/// Notices when others change the firewall where Portico's rules are, long before the look at every period.
///
/// Of iptables over nftables the kernel tells whoever asks. Of the older kind it tells nobody; there the sizes of the tables are
/// looked at, which takes microseconds and no program (``LegacyTables``).
public final class FirewallWatch: Sendable {
    /// One element for any number of changes since the last one was taken.
    public let disturbances: AsyncStream<Void>

    /// How often the older kind's tables are looked at.
    private static let interval = Duration.milliseconds(200)

    private let count: Guarded<Int>
    private let news: KernelNews?
    /// Nil where the kernel tells of everything.
    private let tables: Guarded<Tables>?
    private let tasks: [Task<Void, Never>]

    private struct Tables {
        var known: LegacyTables
        var isOwnChange = false
    }

    /// Begins to watch, in the network namespace of the calling thread.
    ///
    /// - Parameter kind: of the kernel's tables that are used; nil watches both.
    public init(_ kind: Iptables.Variant?) {
        let state = Guarded(FirewallNews())
        let news =
            kind == .legacy
            ? nil
            : try? KernelNews(.nftables) { bytes in
                let culprits = state.withLock { $0.take(bytes) }
                return !culprits.allSatisfy(OwnProcesses.contains)
            }
        let (disturbances, disturbance) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let count = Guarded(0)
        @Sendable func tell() {
            count.withLock { $0 += 1 }
            disturbance.yield()
        }
        let tables = kind == .nft ? nil : Guarded(Tables(known: .current()))
        var tasks: [Task<Void, Never>] = []
        if let news { tasks.append(Task { for await _ in news.news { tell() } }) }
        if let tables {
            tasks.append(
                Task {
                    while (try? await Task.sleep(for: Self.interval)) != nil {
                        if Self.isDisturbed(tables) { tell() }
                    }
                })
        }
        self.disturbances = disturbances
        self.count = count
        self.news = news
        self.tables = tables
        self.tasks = tasks
    }

    deinit {
        for task in tasks { task.cancel() }
    }

    /// How many there have been so far: one that came before it was read needs no look of its own.
    public var disturbanceCount: Int { count.withLock { $0 } }

    /// What happens to the tables until ``ownChangeEnds()`` is not others' doing.
    func ownChangeBegins() { tables?.withLock { $0.isOwnChange = true } }

    /// How the tables are now is how they should be.
    func ownChangeEnds() {
        tables?.withLock { tables in
            tables.isOwnChange = false
            tables.known = .current()
        }
    }

    private static func isDisturbed(_ tables: Guarded<Tables>) -> Bool {
        tables.withLock { tables in
            let present = LegacyTables.current()
            guard !tables.isOwnChange, present != tables.known else { return false }
            tables.known = present
            return true
        }
    }
}

/// The programs that Portico has started lately, to tell its own changes from those of others. In a container the kernel
/// knows them by other numbers; then Portico looks after its own changes, too, and finds nothing.
enum OwnProcesses {
    private static let most = 64
    private static let recent = Guarded<[Int32]>([])

    static func add(_ process: Int32) {
        recent.withLock { $0 = ($0 + [process]).suffix(most) }
    }

    static func contains(_ process: Int32) -> Bool {
        recent.withLock { $0.contains(process) }
    }
}
