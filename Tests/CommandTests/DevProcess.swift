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

    /// The path of the program: the build puts it beside the bundle of the tests.
    static func program() throws -> String {
        try currentExecutable().split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/portico"
    }

    deinit { child.signal(SIGKILL) }

    func waitFor(_ text: String) async throws {
        #expect(await eventually(within: .seconds(30)) { self.child.output.contains(text) })
    }

    /// Waits for what is printed for people where a command has standard output to itself.
    func waitForErrors(_ text: String) async throws {
        #expect(await eventually(within: .seconds(30)) { self.child.errors.contains(text) })
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
