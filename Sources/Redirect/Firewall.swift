internal import Base
internal import Glibc

/// Reads and writes one family's tables by the programs of one kind; what an exit status means is known here.
///
/// Blocks the calling thread. One at a time for each family: whoever owns it sees to that.
struct Firewall {
    let iptables: Iptables
    let family: IPAddress.Family

    /// Exit status for "somebody holds the lock" and "no memory": to be tried again, and never to be taken for an answer.
    static let busyStatus: Int32 = 4
    static let attempts = 4

    func save() throws(RedirectError) -> SavedRules {
        try SavedRules(run(try iptables.command(.save, family)).output)
    }

    /// Applies the text of a transaction. Each table changes at once or not at all.
    func restore(_ text: String) throws(RedirectError) {
        _ = try run(try iptables.command(.restore, family, ["-w", "5", "--noflush"]), input: text)
    }

    private func run(_ command: Command, input: String = "") throws(RedirectError) -> Command.Result {
        var attempt = 1
        while true {
            let result = try command.runForRules(input: input)
            if result.status == 0 { return result }
            // iptables through nftables ends with the status of a busy lock for that, too.
            if result.message.contains("Permission denied") || result.message.contains("you must be root") {
                throw .notPermitted(program: command.program)
            }
            guard result.status == Self.busyStatus else {
                throw .refused(
                    program: command.program, status: result.status, message: result.message,
                    excerpt: Self.excerpt(of: input, result.message))
            }
            guard attempt < Self.attempts else {
                throw .busy(program: command.program, attempts: attempt, message: result.message)
            }
            // On top of the five seconds for which each attempt has waited itself.
            usleep(100_000 << UInt32(attempt))
            attempt += 1
        }
    }

    /// The line that iptables names, with three before and after it.
    static func excerpt(of input: String, _ message: String) -> String {
        // `line 4 failed`, `Error occurred at line: 2`, `line 5: RULE_APPEND failed (…)`.
        let words = message.split { $0 == " " || $0.isNewline }
        let place = zip(words, words.dropFirst()).first {
            ["line", "line:"].contains($0) && $1.first?.isNumber == true
        }
        guard let number = place.flatMap({ Int($1.prefix(while: \.isNumber)) }) else { return "" }
        let lines = input.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(number - 1) else { return "" }
        return lines.indices.filter { abs($0 - (number - 1)) <= 3 && !lines[$0].isEmpty }
            .map { "\($0 == number - 1 ? ">" : " ") \($0 + 1): \(lines[$0])" }.joined(separator: "\n")
    }
}
