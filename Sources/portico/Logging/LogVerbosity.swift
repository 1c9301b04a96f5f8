import Logging
import Synchronization

/// How much is logged by all loggers of the process, as a verbosity of Kubernetes' own programs; it may change while it
/// runs. Any thread.
enum LogVerbosity {
    private static let number = Atomic<Int>(0)

    static var current: Int { number.load(ordering: .relaxed) }

    static func set(_ verbosity: Int) { number.store(verbosity, ordering: .relaxed) }

    /// The level of swift-log that stands for it.
    static var level: Logger.Level { level(of: current) }

    static func level(of verbosity: Int) -> Logger.Level {
        switch verbosity {
        case ..<2: .notice
        case 2..<4: .info
        case 4..<6: .debug
        default: .trace
        }
    }
}
