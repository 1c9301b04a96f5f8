import APITestSupport
import Glibc
import TestSupport
import Testing

/// A running `portico dev`, ended when it goes.
final class DevProcess: Sendable {
    let child: ChildProcess

    /// - Parameters:
    ///   - launcher: a program, with its arguments, that starts Portico in its place.
    ///   - input: keeps standard input open.
    init(_ arguments: [String], launcher: [String] = [], input: Bool = false) throws {
        // To write to a program that has ended is an error of that test, not the end of all of them.
        signal(SIGPIPE, SIG_IGN)
        let line = try launcher + [Self.program(), "dev"] + arguments
        child = try ChildProcess(try #require(findProgram(line[0])), Array(line.dropFirst()))
        if !input { child.closeInput() }
    }

    static func program() throws -> String { try builtProgram() }

    /// Starts a program in a network of its own, where all ports are free, without the right to listen below 1024.
    static var withoutLowPorts: [String] {
        let script =
            "ip link set lo up && exec setpriv --bounding-set=-net_bind_service --inh-caps=-net_bind_service \"$0\" \"$@\""
        return ["unshare"] + (geteuid() == 0 ? [] : ["--user", "--map-root-user"]) + ["--net", "sh", "-c", script]
    }

    deinit { child.signal(SIGKILL) }

    func waitFor(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        await child.waitFor(text, sourceLocation: sourceLocation)
    }

    /// Waits for what is printed for people where a command has standard output to itself.
    func waitForErrors(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        await child.waitForErrors(text, sourceLocation: sourceLocation)
    }

    /// The first line about that event, with `--output json`.
    func line(_ event: String) async throws -> String {
        let start = #"{"event":"\#(event)""#
        try await waitFor(start)
        return try #require(child.output.split(separator: "\n").first { $0.hasPrefix(start) }.map(String.init))
    }

    /// Waits until it ends by itself.
    func finished() async throws -> ProgramResult {
        // It would be killed as soon as nobody needs the object any more.
        defer { withExtendedLifetime(self) {} }
        return try await child.finished()
    }

    /// Ends it as Ctrl-C does.
    func end() async throws -> ProgramResult {
        child.signal(SIGINT)
        return try await finished()
    }
}

/// What is written to one stream says nothing of what is written to the other, and a line may come in pieces.
extension ChildProcess {
    /// Waits until it has printed this, and the rest of that line.
    func waitFor(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async {
        let isThere = await eventually(within: .seconds(30)) { Self.isLine(with: text, in: self.output) }
        #expect(isThere, "\(text): \(output) \(errors)", sourceLocation: sourceLocation)
    }

    func waitForErrors(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async {
        let isThere = await eventually(within: .seconds(30)) { Self.isLine(with: text, in: self.errors) }
        #expect(isThere, "\(text): \(errors)", sourceLocation: sourceLocation)
    }

    private static func isLine(with text: String, in output: String) -> Bool {
        guard let place = output.firstRange(of: text) else { return false }
        return text.hasSuffix("\n") || output[place.upperBound...].contains(where: \.isNewline)
    }
}

/// The number, as it is here, of the first process in the namespace that `launcher` has made.
func firstChild(of launcher: ChildProcess) throws -> Int32 {
    let path = "/proc/\(launcher.pid)/task/\(launcher.pid)/children"
    let children = String(decoding: try contents(of: path), as: UTF8.self)
    return try #require(Int32(children.split(separator: " ").first ?? ""))
}
