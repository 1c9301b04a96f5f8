import Base
import EventLoop
import Glibc
import Logging

/// What every command that serves begins and ends with: it must neither wait for whoever reads what it says, nor end
/// because somebody sent it a signal that is not meant to end anything.
enum Serving {
    /// How long what is said last may take to be read.
    private static let lastWords = Duration.seconds(1)

    /// SIGXFSZ comes when a file that output goes to is as large as it may be.
    private static let harmless = [SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGXFSZ]

    /// - Parameters:
    ///   - output: the form of what goes to standard output.
    ///   - log: the form of what goes to standard error.
    static func begin(output: OutputFormat, log: OutputFormat) {
        ProcessMemory.keepLargePiecesApart()
        IgnoredSignals.ignoreBrokenPipes()
        IgnoredSignals.ignore(harmless)
        StandardStream.output.startQueueing { dropped in
            switch output {
            case .text: "… \(dropped) lines were dropped here: nobody read them in time\n"
            case .json: JSONLine(["event": "dropped", "dropped": .integer(dropped)]).text
            }
        }
        StandardStream.error.startQueueing { dropped in
            let event = LogEvent(
                level: .warning, message: "lines were dropped here: nobody read them in time", error: nil,
                metadata: nil, source: "log", file: #fileID, function: #function, line: #line)
            return StandardErrorLogHandler.line(
                for: event, label: "log", metadata: ["dropped": "\(dropped)"], format: log, at: .now())
        }
    }

    /// Lets what was said last be read. Without effect for commands that do not serve.
    static func end() {
        let deadline = ContinuousClock.now + lastWords
        for stream in [StandardStream.output, .error] { stream.flush(within: deadline - .now) }
    }
}
