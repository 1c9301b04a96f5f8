internal import Base
internal import Glibc

/// One family's tables, read and written. Blocks the calling thread. One call at a time: whoever owns it sees to that.
protocol FirewallTables: Sendable {
    /// Reads what is there, unless it is known to be what `known` was taken of.
    func look(since known: Fingerprint?) throws(RedirectError) -> FirewallLook

    /// Applies the text of a transaction. Each table changes at once or not at all; if one is refused, those before it
    /// have changed.
    func restore(_ text: String) throws(RedirectError)

    /// Removes the table of kube-proxy's nftables mode, if there is one, and `nft` to remove it with.
    ///
    /// - Returns: whether there was.
    @discardableResult
    func removeKubeProxyTable() throws(RedirectError) -> Bool

    /// Deletes the kernel's memory of flows, which the last change has made stale.
    func forget(_ flows: [StaleFlows]) throws(SystemError)
}

enum FirewallLook {
    /// Nothing has changed of what is Portico's business.
    case untouched(Fingerprint)
    case read(SavedRules, Fingerprint)
}

/// The tables as the programs of one kind show and change them; what an exit status means is known here.
struct Firewall: FirewallTables {
    let iptables: Iptables
    let family: IPAddress.Family
    /// Nil unless the programs work on nftables.
    var generation: NftablesGeneration?
    /// Kills what waits for a lock, which would change the rules when this process is gone.
    var stop: Command.Stop?

    /// Exit status for "somebody holds the lock" and "no memory": to be tried again, and never to be taken for an
    /// answer.
    static let busyStatus: Int32 = 4
    static let attempts = 4

    func look(since known: Fingerprint?) throws(RedirectError) -> FirewallLook {
        // Asked before the text is made: what changes meanwhile may be missing in it, and is found by the next look.
        let others = generation?.others
        if let known, let others, others == known.others { return .untouched(known) }
        let text = try run(try iptables.command(.save, family)).output
        let fingerprint = Fingerprint(others: others, text: Fingerprint.text(text))
        if let known, known.text == fingerprint.text { return .untouched(fingerprint) }
        return .read(try SavedRules(text), fingerprint)
    }

    func save() throws(RedirectError) -> SavedRules {
        try SavedRules(run(try iptables.command(.save, family)).output)
    }

    func restore(_ text: String) throws(RedirectError) {
        let command = try iptables.command(.restore, family, ["-w", "5", "--noflush"])
        guard let generation else {
            _ = try run(command, input: text)
            return
        }
        try generation.count(Self.transactions(in: text)) { () throws(RedirectError) in
            _ = try run(command, input: text)
        }
    }

    /// Each table begins with a line of its own.
    private static func transactions(in text: String) -> Int {
        var isStart = true
        return text.utf8.count { byte in
            defer { isStart = byte == UInt8(ascii: "\n") }
            return isStart && byte == UInt8(ascii: "*")
        }
    }

    @discardableResult
    func removeKubeProxyTable() throws(RedirectError) -> Bool {
        // A node where such a kube-proxy ran in a container may have no nft of its own, nor a kernel that knows it.
        guard let path = iptables.path("nft") else { return false }
        let family = family == .ipv4 ? "ip" : "ip6"
        // Names only: of a whole table all Services would be printed.
        let names = try Command(path: path, arguments: ["list", "tables", family]).runForRules()
        let table = "table \(family) \(KubeProxyChains.nftablesTable)"
        guard names.status == 0, names.output.split(separator: "\n").contains(Substring(table)) else { return false }
        let command = Command(path: path, arguments: ["delete"] + table.split(separator: " ").map(String.init))
        let result = try command.runForRules()
        guard result.status == 0 else {
            throw .refused(program: command.program, status: result.status, message: result.message, excerpt: "")
        }
        return true
    }

    func forget(_ flows: [StaleFlows]) throws(SystemError) { try ConnectionTracking.forget(flows) }

    private func run(_ command: Command, input: String = "") throws(RedirectError) -> Command.Result {
        var attempt = 1
        while true {
            let result = try command.runForRules(input: input, stop: stop)
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
