/// One thing that a project file says: a field, which stands for a flag of `portico dev`.
///
/// The table of them is what ``ProjectFile`` and ``ProjectCommandLine`` go by; docs/portico.schema.json has it for
/// editors, and a test compares the two.
struct ProjectSetting: Sendable {
    enum Kind: Sendable, Equatable {
        case text
        /// A list of texts, or one.
        case texts
        /// A path that begins where the file is, or a list of them.
        case path, paths
        case toggle
        /// `true`, `false`, or one of these words, which the flag takes as its value.
        case toggleOrWord([String])
        /// A port, perhaps with an address.
        case port
        /// A program with its arguments, or a line for a shell.
        case command
    }

    let field: String
    /// With its dashes, as the parser takes it with a value or, for a toggle, alone; empty for what stands behind `--`.
    let flag: String
    let kind: Kind
    /// For a toggle: what says the opposite; nil if that is said by silence.
    let opposite: String?
    /// Flags that, on the command line, keep the field from counting.
    let yieldsTo: [String]

    private init(
        _ field: String, _ flag: String, _ kind: Kind, opposite: String? = nil, yieldsTo others: [String] = []
    ) {
        self.field = field
        self.flag = flag
        self.kind = kind
        self.opposite = opposite
        yieldsTo = [flag, opposite ?? ""].filter { !$0.isEmpty } + others
    }

    /// Flags that say what is to be served.
    static let sources = ["-f", "--file", "--kubeconfig", "--context", "--master", "--service"]
    private static let others = ["-f", "--file", "--kubeconfig", "--context", "--master"]

    static let all: [ProjectSetting] = [
        .init("manifests", "--file", .paths, yieldsTo: others),
        .init("recursive", "--recursive", .toggle, yieldsTo: ["-R"] + others),
        .init("kubeconfig", "--kubeconfig", .path, yieldsTo: others),
        .init("context", "--context", .text, yieldsTo: others),
        .init("reach", "--reach", .text, yieldsTo: others),
        .init("tunnelProtocol", "--tunnel-protocol", .text, yieldsTo: others),
        .init("namespaces", "--namespace", .texts, yieldsTo: ["-n", "-A", "--all-namespaces"]),
        .init("selector", "--selector", .text, yieldsTo: ["-l"]),
        .init("services", "--service", .texts),
        .init("local", "--local", .texts),
        .init("localFallback", "--local-fallback", .text),
        .init("demoPods", "--demo-pods", .toggleOrWord(["all", "missing", "none"])),
        .init("publish", "--publish", .texts),
        .init("balancing", "--balancing", .text),
        .init("names", "--names", .toggle, opposite: "--no-names"),
        .init("envFile", "--env-file", .path),
        .init("hostsFile", "--hosts-file", .path),
        .init("dns", "--dns", .port),
        .init("dnsDomain", "--dns-domain", .text),
        .init("socks", "--socks", .port),
        .init("socksOpen", "--socks-open", .toggle),
        .init("socksPasswordFile", "--socks-password-file", .path),
        .init("share", "--share", .toggle),
        .init("command", "", .command, yieldsTo: ["--"]),
    ]
}
