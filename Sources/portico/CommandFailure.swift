import ArgumentParser

/// A failure at run time, with a command line that was right. Ends the program with status 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension CommandFailure {
    /// The one line that says why the program ends; nil when whoever ended it has said all there is (a bare exit code).
    ///
    /// - Parameter project: the file that is part of the command line.
    static func line(for error: any Error, arguments: [String], project: String? = nil) -> String? {
        if error is ExitCode { return nil }
        let isUsage = Portico.exitCode(for: error) == .validationFailure
        let unknown = isUsage ? UnknownWord.message(in: Array(arguments.dropFirst())) : nil
        let message = (unknown ?? Portico.message(for: error))
            .split(whereSeparator: \.isNewline)
            .map { $0.trimmingWhitespace() }
            .filter { !$0.isEmpty }
            .joined(separator: " ")
            .withoutValueNames()
        guard !message.isEmpty else { return nil }
        guard isUsage else { return "portico: \(message)" }
        // After a mistake on the command line the next question is what would have been right.
        let names = Portico.configuration.subcommands.compactMap { $0.configuration.commandName }
        let command = arguments.dropFirst().first.flatMap { names.contains($0) ? " \($0)" : nil } ?? ""
        // What a file has against a single value it was told by itself.
        let isOfAll = unknown == nil && !ConfigurationMistakes.isAboutValue(message)
        let others = isOfAll ? project.map { " (\($0) is part of this command line)" } ?? "" : ""
        return "portico: \(message.trimmingFullStop())\(others); see 'portico\(command) --help'"
    }
}

extension Substring {
    fileprivate func trimmingWhitespace() -> Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}

extension String {
    fileprivate func trimmingFullStop() -> Substring { hasSuffix(".") ? dropLast() : self[...] }

    /// Has `'--publish <[ns/]name:port…>'` be `--publish`: what the value looks like is in the help.
    fileprivate func withoutValueNames() -> String {
        var text = ""
        // What stands between the part before and the next.
        var quote = ""
        let parts = split(separator: "'", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if quote == "'", index < parts.count - 1, let name = part.optionBeforeValueName {
                text += name
                quote = ""
            } else {
                text += quote + part
                quote = "'"
            }
        }
        return text
    }
}

extension Substring {
    /// `--publish` of `--publish <[ns/]name:port…>`; nil for anything else.
    fileprivate var optionBeforeValueName: Substring? {
        guard first == "-", let space = firstIndex(of: " "), self[space...].hasPrefix(" <"), last == ">",
            !self[space...].dropLast().contains(">")
        else { return nil }
        return self[..<space]
    }
}
