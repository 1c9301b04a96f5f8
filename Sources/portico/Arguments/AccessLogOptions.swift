import ArgumentParser

/// A line for each connection that has ended.
struct AccessLogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write a line for each TCP connection at its end to this file; - is standard output.",
            discussion: """
                Who was connected to whom, attempts that failed and why, bytes, time, and how it ended. A file that is moved \
                away is made anew, so logrotate needs no signal.
                """, valueName: "file"),
        completion: .file())
    var accessLog: String?

    @Option(help: "How these lines look.")
    var accessLogFormat: OutputFormat = .text

    @Option(
        help: ArgumentHelp(
            "Which connections have one: all, failures (those that did not end well), or 1/N (failures, and one of N others).",
            valueName: "which"),
        transform: { text in
            switch text {
            case "all": return .all
            case "failures": return .failures
            default:
                guard text.hasPrefix("1/"), let share = Int(text.dropFirst(2)), share > 0 else {
                    throw ArgumentError("'\(text)' is none of all, failures and 1/N, as 1/100")
                }
                return .sample(share)
            }
        })
    var accessLogLines = AccessLog.Which.all

    func validate() throws {
        guard accessLog != nil || accessLogLines == .all && accessLogFormat == .text else {
            throw ValidationError(
                "--access-log-lines and --access-log-format are about --access-log: name a file there")
        }
        guard accessLog != "" else {
            throw ValidationError("--access-log is empty: name a file, or - for standard output")
        }
    }

    /// - Throws: ``CommandFailure`` if the file cannot be written.
    func log() throws(CommandFailure) -> AccessLog? {
        guard let accessLog else { return nil }
        return try AccessLog(accessLog, accessLogFormat, accessLogLines)
    }
}
