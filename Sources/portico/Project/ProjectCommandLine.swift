import Base

/// The command line of `portico dev` or `portico check`, made from what a user typed and what a project file says, into
/// what its one parser takes.
///
/// A command line that says what to read stands for itself, unless it names the file. Any other has that of the
/// project, of which a field does not count where the command line has its flag.
struct ProjectCommandLine {
    /// Who is to take it.
    enum Taker {
        case dev
        /// Knows the fields that say which manifests are read, and which of their Services count.
        case check

        /// Flags that say what is to be read.
        fileprivate var sources: [String] {
            switch self {
            case .dev: ProjectSetting.sources
            case .check: ["-f", "--file", "--config"]
            }
        }

        fileprivate func takes(_ setting: ProjectSetting) -> Bool {
            switch self {
            case .dev: true
            case .check: ["manifests", "recursive", "namespaces", "selector"].contains(setting.field)
            }
        }
    }

    /// As a user gave them, without the program's and the subcommand's names.
    private let arguments: [String]
    private let own: ArraySlice<String>
    private let taker: Taker

    init(_ arguments: [String], for taker: Taker = .dev) {
        self.arguments = arguments
        self.taker = taker
        own = arguments.prefix { $0 != "--" }
    }

    /// What the parser is to take.
    ///
    /// - Parameter find: looks for the project's file.
    /// - Throws: ``ConfigurationMistakes`` if the file cannot be read, or is wrong, or not to be trusted.
    func settled(finding find: () -> String? = ProjectPath.find) throws(ConfigurationMistakes) -> [String] {
        guard let path = try file(find) else { return Self.normalized(arguments) }
        return settled(try ProjectFile(file: path))
    }

    private func file(_ find: () -> String?) throws(ConfigurationMistakes) -> String? {
        guard !has(["--help", "-h", "--version", "--no-project"]) else { return nil }
        if let named = value(of: "--project") { return named }
        return has(taker.sources) ? nil : find()
    }

    /// The same with the fields of a file.
    func settled(_ file: ProjectFile) -> [String] {
        let counted = file.values.filter { taker.takes($0.setting) && !has($0.setting.yieldsTo) }
        let command = counted.first { $0.setting.kind == .command }
        var front = ["\(Self.inUse)\(file.path)"]
        if command != nil, let folder = ProjectPath.folder(of: file.path) { front.append("--command-folder=\(folder)") }
        front += Self.arguments(of: counted.filter { $0.setting.kind != .command })
        return Self.normalized(front + arguments + (command.map { ["--"] + $0.arguments } ?? []))
    }

    /// The file that is part of a command line.
    static func file(in settled: [String]) -> String? {
        settled.prefix { $0 != "--" }.first { $0.hasPrefix(inUse) }.map { String($0.dropFirst(inUse.count)) }
    }

    private static let inUse = "--project-in-use="

    static func arguments(of values: [ProjectFile.Value]) -> [String] {
        let options = values.filter { $0.setting.kind != .command }.flatMap(\.arguments)
        let command = values.first { $0.setting.kind == .command }
        return options + (command.map { ["--"] + $0.arguments } ?? [])
    }

    /// What a command is called: of a line for a shell its first word, but for variables that it sets.
    static func program(of command: [String]) -> String? {
        guard command.count == 3, command[0] == "sh", command[1] == "-c" else { return command.first }
        return command[2].split(whereSeparator: \.isWhitespace).first { !$0.contains("=") }.map(String.init)
            ?? command[0]
    }

    /// As the parser takes them.
    static func normalized(_ arguments: [String]) -> [String] {
        AdminArgument.normalized(DemoPodsArgument.normalized(arguments))
    }

    // MARK: Arguments

    /// Whether any of these flags is on the command line; `--` is one too.
    private func has(_ flags: [String]) -> Bool {
        flags.contains { flag in
            if flag == "--" { return own.count < arguments.count }
            return own.contains { argument in
                argument == flag || argument.hasPrefix(flag + "=") || Self.shortFlags(in: argument).contains(flag)
            }
        }
    }

    /// Those whose value may stand in the same word.
    private static let valued: Set<Character> = ["f", "n", "l", "v"]

    /// `-R` and `-f` of `-Rfother`: letters up to the first one that takes a value.
    private static func shortFlags(in word: String) -> [String] {
        guard word.hasPrefix("-"), !word.hasPrefix("--") else { return [] }
        var flags: [String] = []
        for letter in word.dropFirst() {
            flags.append("-\(letter)")
            // The rest is its value.
            if valued.contains(letter) { break }
        }
        return flags
    }

    /// The last value of a flag.
    private func value(of flag: String) -> String? {
        guard let index = own.lastIndex(where: { $0 == flag || $0.hasPrefix(flag + "=") }) else { return nil }
        if own[index] != flag { return String(own[index].dropFirst(flag.count + 1)) }
        return index + 1 < own.endIndex ? own[index + 1] : nil
    }
}
