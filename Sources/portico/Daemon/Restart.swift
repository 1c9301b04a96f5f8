import Base
import Synchronization

/// That the daemon is to start anew once it has ended in order, because its configuration has changed.
final class Restart: Sendable {
    /// Nil without a file that could change.
    let watch: ConfigurationWatch?
    private let arguments: [String]
    private let wanted = Atomic(false)

    /// - Parameter arguments: of this process.
    init(_ arguments: [String] = CommandLine.arguments) {
        self.arguments = arguments
        watch = ConfigurationWatch(Array(arguments.dropFirst(2)))
    }

    var isWanted: Bool { wanted.load(ordering: .relaxed) }

    func want() { wanted.store(true, ordering: .relaxed) }

    /// - Returns: Only on failure.
    func now() -> CommandFailure {
        Serving.end()
        return CommandFailure("\(ProcessImage.restart(arguments))")
    }
}
