import Base
import Glibc
import Logging
import Proxy

/// Writes log lines to standard error, for people or as JSON.
///
/// A line is written with one system call, so that lines of different threads do not mix.
struct StandardErrorLogHandler: LogHandler {
    let label: String
    let format: OutputFormat
    /// Its own, if somebody has given it one; else that of the process.
    private var ownLevel: Logger.Level?
    var logLevel: Logger.Level {
        get { ownLevel ?? LogVerbosity.level }
        set { ownLevel = newValue }
    }
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, format: OutputFormat) {
        self.label = label
        self.format = format
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = Self.line(for: event, label: label, metadata: allMetadata(of: event), format: format, at: .now())
        StandardStream.error.write(line)
    }

    /// The event's own metadata wins over the logger's, and that over the provider's.
    private func allMetadata(of event: LogEvent) -> Logger.Metadata {
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { _, new in new }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = .string("\(error)") }
        return all
    }

    /// One line with its newline; keys in alphabetical order, so that equal events give equal lines. What the message
    /// says already is a field in JSON only.
    static func line(
        for event: LogEvent, label: String, metadata: Logger.Metadata, format: OutputFormat, at time: WallClockTime
    ) -> String {
        var metadata = metadata
        if case .dictionary(let fields) = metadata.removeValue(forKey: Logger.Metadata.fieldsKey), format == .json {
            metadata.merge(fields) { own, _ in own }
        }
        let fields = metadata.sorted { $0.key < $1.key }
        switch format {
        case .text:
            let rest = fields.map { " \($0.key)=\(quoted("\($0.value)"))" }.joined()
            let level = event.level == .notice ? "" : " \(event.level)"
            return "\(time.clock)\(level) \(label): \(event.message.description.onOneLine)\(rest)\n"
        case .json:
            var pairs: [(String, JSONValue)] = [
                ("time", .string(time.iso8601)), ("level", .string(event.level.rawValue)),
                ("logger", .string(label)), ("message", .string(event.message.description)),
            ]
            pairs += fields.map { ($0.key, .string("\($0.value)")) }
            return JSONLine(pairs).text
        }
    }

    /// As it is, or in quotation marks when spaces would make the end of the value a guess.
    private static func quoted(_ value: String) -> String {
        guard value.isEmpty || value.contains(where: { $0.isWhitespace || $0 == "\"" || $0 == "=" }) else {
            return value
        }
        return value.quotedAsJSON
    }
}
