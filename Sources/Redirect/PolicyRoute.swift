public import Base

/// Leads marked packets to this host, whomever they are addressed to: the second half of what lets the proxy dial
/// endpoints from their clients' addresses (``NodeRedirection/preservesSource``). The rules in the table mangle are the
/// first.
///
/// It is a table with one route in it and two rules of the routing policy, made by the program `ip`. Everything blocks
/// while that runs.
public struct PolicyRoute: Sendable {
    /// The bit next to kube-proxy's 0x4000 and the kubelet's 0x8000. Calico has the upper 16 bits, Cilium 0x0f00, AWS
    /// 0x80.
    public static let mark: UInt32 = 0x2000
    /// The number of the routing table.
    public static let table = 8192
    /// Before the rules of the AWS plug-in for pods' addresses (from 512 on), and before the table main.
    public static let priority = 90

    public let family: IPAddress.Family
    private let host: Iptables

    public init(_ family: IPAddress.Family, searchPath: [String] = Iptables.defaultSearchPath) {
        self.family = family
        host = Iptables(variant: nil, searchPath: searchPath)
    }

    /// Priorities, and the words in the order in which `ip` prints them.
    ///
    /// The first is an exception, for when the kernel checks where an answer came from (`rp_filter`) and has to take
    /// its mark into account (`src_valid_mark=1`, which WireGuard's tools set): it asks as if it sent to the endpoint
    /// from here, which is what `iif lo` means, and must not be told that the endpoint's address is this host's own.
    private static let rules: [(priority: Int, words: [String])] = [
        (priority - 1, ["fwmark", "0x2000/0x2000", "iif", "lo", "lookup", "main"]),
        (priority, ["fwmark", "0x2000/0x2000", "lookup", "\(table)"]),
    ]
    private static let route = ["local", "default", "dev", "lo", "table", "\(table)"]

    /// What ``apply()`` runs where nothing is there yet, as one would type it.
    public var commands: [String] {
        ([["route", "replace"] + Self.route]
            + Self.rules.map { ["rule", "add", "priority", "\($0.priority)"] + $0.words })
            .map { "ip \(option) \($0.joined(separator: " "))" }
    }

    /// Makes what is missing.
    ///
    /// - Returns: whether anything was.
    /// - Throws: ``RedirectError/notInstalled(program:)`` without iproute2.
    @discardableResult
    public func apply() throws(RedirectError) -> Bool {
        guard let path = host.path("ip") else { throw .notInstalled(program: "ip") }
        // The route first: without it the rule leads on to the table main, which is what happens anyway.
        let hasRoute = try hasRoute(path)
        if !hasRoute { try change(path, ["route", "replace"] + Self.route) }
        var isChanged = !hasRoute
        for rule in Self.rules where try !has(rule, path) {
            try change(path, ["rule", "add", "priority", "\(rule.priority)"] + rule.words)
            isChanged = true
        }
        return isChanged
    }

    /// Removes what is there. Without the program `ip`, or without the family, it was hardly made.
    ///
    /// - Returns: whether there was anything.
    @discardableResult
    public func remove() throws(RedirectError) -> Bool {
        guard let path = host.path("ip") else { return false }
        var isChanged = false
        for rule in Self.rules.reversed() {
            // One that was added twice is there twice.
            while try has(rule, path) {
                try change(path, ["rule", "delete", "priority", "\(rule.priority)"] + rule.words)
                isChanged = true
            }
        }
        if try hasRoute(path) {
            try change(path, ["route", "delete"] + Self.route)
            isChanged = true
        }
        return isChanged
    }

    /// `90:	from all fwmark 0x2000/0x2000 lookup 8192`, whatever stands beside it.
    private func has(_ rule: (priority: Int, words: [String]), _ path: String) throws(RedirectError) -> Bool {
        try look(path, ["rule", "show"]).contains {
            $0.first.map(String.init) == "\(rule.priority):" && $0.ends(with: rule.words)
        }
    }

    /// `local default dev lo scope host`, or `local default dev lo metric 1024 pref medium`.
    private func hasRoute(_ path: String) throws(RedirectError) -> Bool {
        try look(path, ["route", "show", "table", "\(Self.table)"]).contains { $0.starts(with: Self.route.prefix(4)) }
    }

    /// The lines that are printed, as words. What cannot be shown, as a table without routes or a family that the
    /// kernel does not have, is not there; changing it then says why.
    private func look(_ path: String, _ arguments: [String]) throws(RedirectError) -> [[Substring]] {
        let result = try Command(path: path, arguments: [option] + arguments).runForRules()
        return result.output.split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" } }
    }

    private func change(_ path: String, _ arguments: [String]) throws(RedirectError) {
        let command = Command(path: path, arguments: [option] + arguments)
        let result = try command.runForRules()
        if result.status == 0 { return }
        if result.message.contains("not permitted") { throw .notPermitted(program: command.program) }
        throw .refused(program: command.program, status: result.status, message: result.message, excerpt: "")
    }

    private var option: String { family == .ipv4 ? "-4" : "-6" }
}

extension [Substring] {
    fileprivate func starts(with words: ArraySlice<String>) -> Bool {
        count >= words.count && zip(self, words).allSatisfy { $0 == $1 }
    }

    fileprivate func ends(with words: [String]) -> Bool {
        count >= words.count && zip(suffix(words.count), words).allSatisfy { $0 == $1 }
    }
}

extension RuleSet {
    /// Whether the rules mark packets for a ``PolicyRoute``.
    var needsPolicyRoute: Bool { !self[.mangle].chains.isEmpty }
}
