import ArgumentParser
import Logging

/// `-v` and `--log-format`, which every subcommand has.
struct LoggingOptions: ParsableArguments {
    @Option(
        // As in kube-proxy: -v2, -v 2, --v=2.
        name: [.customShort("v", allowingJoined: true), .customLong("v")],
        help: ArgumentHelp("How much to log: 0 what matters, 2 changes, 4 details, 6 everything.", valueName: "level"))
    var verbosity = 0

    @Option(name: .customLong("log-format"), help: "How log lines on standard error look.")
    var format: OutputFormat = .text

    func validate() throws {
        guard (0...10).contains(verbosity) else { throw ValidationError("-v takes a number from 0 to 10") }
    }

    /// With a level in the place of `-v` alone.
    static func normalized(_ arguments: [String]) -> [String] {
        ImpliedValue.filled(arguments, ["-v", "--v"], with: "-v1") { next in
            !next.isEmpty && (!next.hasPrefix("-") || Int(next) != nil)
        }
    }

    /// Makes these options those of every logger of the process. Call it once, before the first logger is made.
    func bootstrap() {
        let format = format
        LogVerbosity.set(verbosity)
        LoggingSystem.bootstrap { label in StandardErrorLogHandler(label: label, format: format) }
    }
}
