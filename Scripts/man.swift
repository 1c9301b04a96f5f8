// Makes the man pages, portico.1 and portico-dev.1 and so on, of what the program says about itself:
// swift Scripts/man.swift PROGRAM FOLDER
import Foundation

struct Tool: Decodable { let command: Command }

struct Command: Decodable {
    let commandName: String
    let abstract: String?
    let discussion: String?
    let superCommands: [String]?
    let arguments: [Argument]?
    let subcommands: [Command]?
    let shouldDisplay: Bool?

    var title: String { ((superCommands ?? []) + [commandName]).joined(separator: "-") }
    var words: String { ((superCommands ?? []) + [commandName]).joined(separator: " ") }
    /// help is for those who have no man page before them.
    var shown: [Command] { (subcommands ?? []).filter { $0.shouldDisplay ?? true && $0.commandName != "help" } }
}

struct Argument: Decodable {
    struct Name: Decodable {
        let kind: String
        let name: String

        var text: String { (kind == "long" ? "--" : "-") + name }
    }

    let kind: String
    let names: [Name]?
    let valueName: String?
    let abstract: String?
    let discussion: String?
    let defaultValue: String?
    let allValues: [String]?
    let sectionTitle: String?
    let shouldDisplay: Bool?
}

/// Text of a page: no dash becomes a hyphen, and no line is taken for a request.
func escaped(_ text: String) -> String {
    let text = text.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-")
    return text.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&" + $0 : String($0) }.joined(separator: "\n")
}

func isHeading(_ line: Substring) -> Bool {
    line.first?.isUppercase == true && line.allSatisfy { $0.isUppercase || $0 == " " || $0 == "-" }
}

/// The paragraphs of a discussion: those before its first heading, and those of each heading.
func sections(_ discussion: String) -> [(heading: String?, lines: [Substring])] {
    var sections: [(heading: String?, lines: [Substring])] = [(nil, [])]
    for line in discussion.split(separator: "\n", omittingEmptySubsequences: false) {
        if isHeading(line) {
            sections.append((String(line), []))
        } else {
            sections[sections.count - 1].lines.append(line)
        }
    }
    return sections
}

func written(_ lines: [Substring], keepingShape: Bool) -> String {
    let text = lines.map { line in line.hasPrefix("  ") ? line.dropFirst(2) : line }.joined(separator: "\n")
        .trimmingCharacters(in: .newlines)
    guard keepingShape else { return escaped(text).replacingOccurrences(of: "\n\n", with: "\n.PP\n") }
    return ".nf\n\(escaped(text))\n.fi"
}

func entry(_ argument: Argument) -> String {
    let value = argument.valueName.map { "<\($0)>" } ?? ""
    let names = (argument.names ?? []).sorted { $0.text.count < $1.text.count }.map(\.text).joined(separator: ", ")
    let title: String
    switch argument.kind {
    case "positional": title = value
    case "flag": title = names
    default: title = "\(names) \(value)"
    }
    var text = argument.abstract ?? ""
    if let values = argument.allValues, !values.isEmpty { text += " Values: \(values.joined(separator: ", "))." }
    if let standard = argument.defaultValue, argument.kind != "flag" { text += " (default: \(standard))" }
    if let discussion = argument.discussion { text += "\n\(discussion)" }
    return ".TP\n\\fB\(escaped(title))\\fR\n\(escaped(text))"
}

func page(_ command: Command, all: [Command]) -> String {
    var parts = sections(command.discussion ?? "")
    let description = parts.removeFirst().lines
    var text = [
        ".TH \"\(command.title.uppercased())\" 1", ".SH NAME",
        "\(escaped(command.title)) \\- \(escaped(command.abstract ?? ""))",
        ".SH SYNOPSIS",
    ]
    let positional = (command.arguments ?? []).filter { $0.kind == "positional" && $0.shouldDisplay ?? true }
    let rest = positional.map { $0.valueName == "command" ? "[-- <command> …]" : "<\($0.valueName ?? "")>" }
    let synopsis = [command.shown.isEmpty ? "[options]" : "<subcommand>"] + rest
    text.append("\\fB\(escaped(command.words))\\fR \(escaped(synopsis.joined(separator: " ")))")
    text += [".SH DESCRIPTION", written(description, keepingShape: false)]
    if !command.shown.isEmpty {
        text.append(".SH SUBCOMMANDS")
        text += command.shown.map { ".TP\n\\fB\(escaped($0.commandName))\\fR\n\(escaped($0.abstract ?? ""))" }
    }
    text.append(".SH OPTIONS")
    let shown = (command.arguments ?? []).filter { $0.shouldDisplay ?? true }
    var titles: [String?] = [nil]
    for title in shown.map(\.sectionTitle) where !titles.contains(title) { titles.append(title) }
    for title in titles {
        if let title { text.append(".SS \(escaped(title))") }
        text += shown.filter { $0.sectionTitle == title }.map(entry)
    }
    for part in parts {
        text.append(".SH \"\(part.heading ?? "")\"")
        text.append(written(part.lines, keepingShape: part.heading == "EXAMPLES"))
    }
    let others = all.filter { $0.title != command.title }.map { "\\fB\(escaped($0.title))\\fR(1)" }
    text += [".SH SEE ALSO", others.joined(separator: ",\n")]
    return text.joined(separator: "\n") + "\n"
}

let arguments = CommandLine.arguments
guard arguments.count == 3 else {
    FileHandle.standardError.write(Data("usage: man.swift PROGRAM FOLDER\n".utf8))
    exit(64)
}
let program = Process()
program.executableURL = URL(fileURLWithPath: arguments[1])
program.arguments = ["--experimental-dump-help"]
let pipe = Pipe()
program.standardOutput = pipe
try program.run()
let tool = try JSONDecoder().decode(Tool.self, from: pipe.fileHandleForReading.readDataToEndOfFile())
let all = [tool.command] + tool.command.shown
for command in all {
    let file = URL(fileURLWithPath: arguments[2]).appendingPathComponent("\(command.title).1")
    try page(command, all: all).write(to: file, atomically: true, encoding: .utf8)
}
