import ArgumentParser
import Base

/// The word of a command line of which nothing is known. A person is told of it before all else, since it may well be
/// why something else is missing.
enum UnknownWord {
    /// What there is to say of the first of them; nil if all are known.
    ///
    /// - Parameter arguments: without the program's name.
    static func message(in arguments: [String]) -> String? {
        let words = Array(arguments.prefix { $0 != "--" })
        guard let first = words.first, !first.hasPrefix("-") else { return unknownOption(in: words, of: Portico.self) }
        let rest = Array(words.dropFirst())
        if first == "help" { return rest.first { !$0.hasPrefix("-") }.flatMap(unknownSubcommand) }
        guard let command = subcommand(first) else { return unknownSubcommand(first) }
        return unknownOption(in: rest, of: command)
    }

    private static func unknownSubcommand(_ name: String) -> String? {
        guard subcommand(name) == nil else { return nil }
        let names = Portico.configuration.subcommands.compactMap { $0.configuration.commandName }
        return "there is no subcommand '\(name)'" + suggestion(for: name, among: names)
    }

    private static func unknownOption(in words: [String], of command: any ParsableCommand.Type) -> String? {
        let isOfNode = [Daemon.name, Render.configuration.commandName].contains(command.configuration.commandName)
        var known = options(of: command)
        // Those of kube-proxy are all taken, and no help has those that do nothing.
        if isOfNode { for flag in KubeProxySetting.all.compactMap(\.flag) { known.insert("--" + flag) } }
        for word in words {
            guard let option = option(in: word, isOfGo: isOfNode), !known.contains(option) else { continue }
            return "Unknown option '\(option)'" + suggestion(for: option, among: known.sorted())
        }
        return nil
    }

    private static func subcommand(_ name: String) -> (any ParsableCommand.Type)? {
        Portico.configuration.subcommands.first { $0.configuration.commandName == name }
    }

    /// Those that its help knows.
    private static func options(of command: any ParsableCommand.Type) -> Set<String> {
        let help = Portico.helpMessage(for: command, includeHidden: true, columns: 200)
        var names: Set = ["--help", "-h", "--version", "--generate-completion-script", "--experimental-dump-help"]
        for line in help.split(separator: "\n") where line.hasPrefix("  -") {
            for word in line.split(separator: " ") {
                guard word.hasPrefix("-") else { break }
                // `-f, --file`, and a flag with its opposite as `--names/--no-names`.
                for name in word.split(whereSeparator: { $0 == "," || $0 == "/" }) { names.insert(String(name)) }
            }
        }
        return names
    }

    /// `--name` or `-x`, without a value; nil for other words, negative numbers and what shells ask among them.
    private static func option(in word: String, isOfGo: Bool) -> String? {
        guard word.hasPrefix("-"), !word.hasPrefix("---"), let second = word.dropFirst().first, !second.isNumber else {
            return nil
        }
        guard second == "-" else { return String(word.prefix(2)) }
        let name = String(word.prefix { $0 != "=" })
        return isOfGo ? String(name.map { $0 == "_" ? "-" : $0 }) : name
    }

    private static func suggestion(for word: String, among names: [String]) -> String {
        NearMiss.of(word, among: names).map { " (did you mean '\($0)'?)" } ?? ""
    }
}
