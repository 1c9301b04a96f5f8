import Base
import Glibc
import KubernetesAPI
import Names

/// The `/etc/hosts` that the program behind `--` sees, with the Services behind the system's own lines, and an
/// `/etc/nsswitch.conf` by which it is asked first, where that is not so already (docs/names.md).
///
/// Each text is a file of its own, in a folder that is there only until the file is mounted: who reads has one or the
/// other, and nothing is left behind whatever ends the process.
final class CommandHosts {
    private static let path = "/etc/hosts"
    private static let switchPath = "/etc/nsswitch.conf"
    /// A daemon that answers for all programs of glibc from the system's file, if it is there; they ask themselves if
    /// it is not.
    private static let cachePath = "/var/run/nscd/socket"

    private let covers: ForegroundProgram.Covers
    /// The system's own lines, as they were when they were read last.
    private var system: String
    /// What the program sees.
    private var text: String
    private var replaced: ContinuousClock.Instant?

    /// Each costs a process and a mount, and a program asks for names less often than they may change.
    private static let interval = Duration.seconds(1)

    private init(_ covers: ForegroundProgram.Covers, system: String, text: String) {
        self.covers = covers
        self.system = system
        self.text = text
    }

    /// Starts a program that sees `hosts`.
    ///
    /// - Parameter start: starts it with files in the place of others.
    /// - Throws: ``NamespaceRefusal`` if it can be given none, and what `start` throws else.
    static func start(
        _ hosts: HostsFile, _ start: ([ForegroundProgram.Cover]) throws -> UserCommand
    ) throws -> (UserCommand, CommandHosts) {
        let system = read(path) ?? ""
        do {
            let text = hosts.text(behind: system)
            return try Draft.with(text) { draft in
                var covers = [ForegroundProgram.Cover(file: draft.path, place: path)]
                if let text = read(switchPath), let changed = NameServiceSwitch.askingFilesFirst(text) {
                    covers.append(.init(file: try draft.add(changed), place: switchPath))
                }
                if access(cachePath, F_OK) == 0 { covers.append(.init(file: "/dev/null", place: cachePath)) }
                let command = try start(covers)
                guard let seen = command.covers else { throw NamespaceRefusal(SystemError("mount", path, code: EPERM)) }
                return (command, CommandHosts(seen, system: system, text: text))
            }
        } catch ForegroundProgram.Failure.notCovered(let error) {
            throw NamespaceRefusal(error)
        } catch let error as SystemError {
            throw NamespaceRefusal(error)
        }
    }

    /// The system's own lines have changed.
    var isBehindSystem: Bool { Self.read(Self.path).map { $0 != system } ?? false }

    /// How long the next change has to wait; nil for not at all.
    var rest: Duration? {
        replaced.map { $0 + Self.interval - .now }.flatMap { $0 > .zero ? $0 : nil }
    }

    /// Has the program see these from now on.
    ///
    /// - Throws: ``CommandFailure``; the program sees what it saw.
    func update(_ hosts: HostsFile) throws {
        let now = Self.read(Self.path) ?? system
        let text = hosts.text(behind: now)
        guard text != self.text else {
            system = now
            return
        }
        do {
            try Draft.with(text) { draft in
                try covers.replace(.init(file: draft.path, place: Self.path))
            }
        } catch {
            throw CommandFailure("the program's \(Self.path) has not the latest names: \(error)")
        }
        (system, self.text, replaced) = (now, text, .now)
    }

    /// What of the names is not as one might expect.
    func remarks(on hosts: HostsFile) -> [String] {
        var lines: [String] = []
        let hidden = hosts.hidden(by: system)
        if !hidden.isEmpty {
            lines.append("names that \(Self.path) has already stay what they are there: \(Self.list(hidden))")
        }
        if !hosts.leftOut.isEmpty {
            let aliases = hosts.leftOut.map { "\($0.service) (\($0.target))" }
            lines.append(
                "the program does not find Services of type ExternalName that name a host outside, as --dns does: "
                    + Self.list(aliases))
        }
        return lines
    }

    private static func list(_ words: [String]) -> String {
        let rest = words.count > 5 ? " and \(words.count - 5) more" : ""
        return words.prefix(5).joined(separator: ", ") + rest
    }

    private static func read(_ path: String) -> String? {
        (try? LocalFile.read(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Files in a folder of their own, until they are mounted: a mount needs a path, and keeps the file without one.
private struct Draft {
    private let folder: String
    let path: String

    /// Others may read it where it is mounted; only there they get at it.
    static func with<Result>(_ text: String, _ body: (borrowing Draft) throws -> Result) throws -> Result {
        let folder = try makeFolder()
        let draft = Draft(folder: folder, path: "\(folder)/hosts")
        defer {
            for name in ["hosts", "nsswitch.conf"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        try write(text, to: draft.path)
        return try body(draft)
    }

    private static func makeFolder() throws(SystemError) -> String {
        let own = ProcessEnvironment.variables["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        // One that was meant for another user may be closed to this one.
        for root in [own, "/tmp"].compactMap(\.self) {
            // In place of the last six mkdtemp puts characters that make the name its own.
            var template = Array("\(root)/portico.\(String(repeating: "X", count: 6))".utf8CString)
            guard mkdtemp(&template) != nil else { continue }
            return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        throw SystemError("make a folder in", "/tmp", code: errno)
    }

    func add(_ nameServiceSwitch: String) throws -> String {
        try Self.write(nameServiceSwitch, to: "\(folder)/nsswitch.conf")
        return "\(folder)/nsswitch.conf"
    }

    private static func write(_ text: String, to path: String) throws(SystemError) {
        try LocalFile.write(text, to: path, mode: 0o444, isNew: true) { descriptor in
            // Whatever the umask is.
            fchmod(descriptor, 0o444)
        }
    }
}
