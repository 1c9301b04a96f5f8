public import Base
internal import Glibc

/// The iptables programs of this host.
///
/// There are two kinds of them, which do not see each other's rules: one works through nftables, the other through the
/// kernel's older tables. Rules in both at once take effect twice, so Portico writes to the kind that the rest of the
/// host uses, which need not be the one that a container image calls `iptables`.
public struct Iptables: Hashable, Sendable {
    public enum Variant: String, Hashable, Sendable, CaseIterable {
        case nft, legacy
    }

    /// Nil if only the plain names are installed, whatever they stand for.
    public var variant: Variant?
    /// Which of the kernel's tables the programs work on; nil if that is not known.
    public var kind: Variant?
    /// Folders in which programs are looked for.
    public var searchPath: [String]

    public init(variant: Variant?, searchPath: [String] = Iptables.defaultSearchPath) {
        self.variant = variant
        kind = variant
        self.searchPath = searchPath
    }

    /// `iptables-restore` knows `-w 5`, which waits for the lock, from here on.
    static let oldestVersion = "1.6.2"

    /// PATH, and the folders of administration that a service's or an ordinary user's PATH may lack.
    public static var defaultSearchPath: [String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    }

    /// Finds out which kind this host uses.
    ///
    /// The kubelet makes chains as a hint; where it has not, the kind with more rules counts, and where neither has any
    /// the plain `iptables` does. Nothing is changed, nor is a kernel module loaded. Blocks while the programs run.
    ///
    /// - Throws: ``RedirectError/notInstalled(program:)``, ``RedirectError/tooOld(program:version:)``.
    public static func find(
        searchPath: [String] = Iptables.defaultSearchPath
    ) throws(RedirectError) -> Iptables {
        var rules: [(variant: Variant, text: String)] = []
        for variant in Variant.allCases {
            let candidate = Iptables(variant: variant, searchPath: searchPath)
            var text = ""
            for family in IPAddress.Family.allCases {
                // Without a table: asking the older kind for one would load it into the kernel.
                guard let path = candidate.path(candidate.program(.save, family)) else { continue }
                text += try Command(path: path, arguments: []).runForRules().output
                if !rules.contains(where: { $0.variant == variant }) { rules.append((variant, "")) }
            }
            for index in rules.indices where rules[index].variant == variant { rules[index].text = text }
        }
        var chosen = Iptables(variant: choice(of: rules), searchPath: searchPath)
        try chosen.checkVersion()
        return chosen
    }

    /// Finds out at the start, and not at the first change, whether this process may read the rules of a family, and
    /// the kernel has them.
    ///
    /// - Throws: ``RedirectError/notPermitted(program:)`` for one.
    public func checkAccess(_ family: IPAddress.Family) throws(RedirectError) {
        _ = try Firewall(iptables: self, family: family).save()
    }

    private static func choice(of rules: [(variant: Variant, text: String)]) -> Variant? {
        guard rules.count > 1 else { return nil }
        let hints = [":KUBE-IPTABLES-HINT ", ":KUBE-KUBELET-CANARY "]
        for (variant, text) in rules where hints.contains(where: text.contains) { return variant }
        let counts = rules.map { $0.text.split(separator: "\n").count { $0.hasPrefix("-A ") } }
        guard let most = counts.max(), counts.count(where: { $0 == most }) == 1 else { return nil }
        return counts.firstIndex(of: most).map { rules[$0].variant }
    }

    private mutating func checkVersion() throws(RedirectError) {
        let restore = try command(.restore, .ipv4, ["--version"])
        let text = try restore.runForRules().output
        // `iptables-restore v1.8.9 (nf_tables)`. One that does not answer is older than the option.
        let word = text.split { $0 == " " || $0 == "\n" }.first { $0.first == "v" && $0.contains(".") }
        let version = word.map { String($0.dropFirst()) } ?? "of unknown version"
        func numbers(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
        guard word != nil, !numbers(version).lexicographicallyPrecedes(numbers(Self.oldestVersion)) else {
            throw .tooOld(program: restore.program, version: version)
        }
        // In parentheses behind the version, by those that are either.
        kind = text.contains("(nf_tables)") ? .nft : text.contains("(legacy)") ? .legacy : variant
    }
}

extension Iptables {
    enum Tool: String {
        case save = "-save"
        case restore = "-restore"
    }

    /// Such as `ip6tables-nft-save`.
    func program(_ tool: Tool, _ family: IPAddress.Family) -> String {
        let name = family == .ipv4 ? "iptables" : "ip6tables"
        return name + (variant.map { "-\($0.rawValue)" } ?? "") + tool.rawValue
    }

    func command(
        _ tool: Tool, _ family: IPAddress.Family, _ arguments: [String] = []
    ) throws(RedirectError) -> Command {
        let program = program(tool, family)
        guard let path = path(program) else { throw .notInstalled(program: program) }
        return Command(path: path, arguments: arguments)
    }

    /// Where a program is; nil if it is nowhere.
    func path(_ program: String) -> String? { Command.find(program, in: searchPath) }

    /// The kinds of iptables that are installed; with none, the plain names, so that errors speak of those.
    func installedVariants(_ family: IPAddress.Family) -> [Iptables] {
        let kinds = Variant.allCases.map { Iptables(variant: $0, searchPath: searchPath) }
            .filter { $0.path($0.program(.save, family)) != nil }
        return kinds.isEmpty ? [Iptables(variant: nil, searchPath: searchPath)] : kinds
    }
}
