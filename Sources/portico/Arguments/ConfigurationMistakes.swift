/// Everything that is wrong with a configuration file, a line each.
struct ConfigurationMistakes: Error, Equatable {
    let lines: [String]

    init(_ lines: [String]) { self.lines = lines }
    init(_ line: String) { self.init([line]) }

    /// Whether the parser of flags says this against one value, and not against several that do not go together.
    static func isAboutValue(_ complaint: String) -> Bool {
        ["The value '", "Missing value for "].contains { complaint.hasPrefix($0) }
    }

    /// What the parser of flags says against a value, without the flag, which stands nowhere in the file: "The value
    /// 'x' is invalid for '--flag <name>': x is not …".
    static func reason(of complaint: String) -> String {
        complaint.firstRange(of: "': ").map { String(complaint[$0.upperBound...]) } ?? complaint
    }
}
