import ArgumentParser

/// How the daemon stands in for kube-proxy: its configuration file, its modes, and what it has that means nothing here
/// (``KubeProxySetting``).
struct KubeProxyOptions: ParsableArguments {
    /// A mode of kube-proxy; nil if it is left to kube-proxy.
    enum Mode: String, CaseIterable {
        case userspace, iptables, nftables, ipvs
    }

    @Option(
        help: ArgumentHelp(
            "A KubeProxyConfiguration, as kubeadm has it for kube-proxy.",
            discussion: """
                Its fields win over flags of kube-proxy, but for --hostname-override, --master and those of the log; all other flags of \
                this program count beside it. When it changes, the daemon drains and starts anew with it. See docs/kube-proxy.md.
                """,
            valueName: "file"),
        completion: .file())
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Write what the flags and the --config set, defaults too, to a file as a KubeProxyConfiguration, and end.",
            valueName: "file"),
        completion: .file())
    var writeConfigTo: String?

    @Flag(help: "Set up the kernel, which needs root, and end.")
    var initOnly = false

    @Option(
        help: ArgumentHelp(
            "userspace, or iptables: the kernel carries connections by rules as kube-proxy's. (default: userspace)",
            discussion: "nftables and ipvs are served as userspace, with a warning; see docs/iptables-mode.md.",
            valueName: Mode.allCases.map(\.rawValue).joined(separator: "|")),
        transform: { text in
            guard text.isEmpty || Mode(rawValue: text) != nil else {
                let modes = Mode.allCases.map(\.rawValue).joined(separator: ", ")
                throw ArgumentError("'\(text)' is not one of kube-proxy's modes: \(modes)")
            }
            return text
        })
    var proxyMode: String?

    @Flag(help: "Refuse to start in place of a mode that is not there, instead of serving in userspace.")
    var strictMode = false

    @Option(
        help: ArgumentHelp(
            "How the pods of this node are known: by --cluster-cidr, or by podCIDRs of the Node alone.",
            discussion: "In the iptables mode also by their interfaces: BridgeInterface and InterfaceNamePrefix.",
            valueName: "ClusterCIDR|NodeCIDR|…"))
    var detectLocalMode: String?

    /// Flags and fields of kube-proxy that do nothing here, as `name=value`; what they were given for is told in
    /// ``note``.
    @Option(help: .hidden) var withoutEffect: [String] = []
    /// What the command line and the file have that people should know of.
    @Option(help: .hidden) var note: [String] = []

    /// Pods are to be known by podCIDRs of the Node alone.
    var detectsByNode: Bool { detectLocalMode == "NodeCIDR" }

    /// Those of them without a value.
    static let flags: Set = ["init-only", "strict-mode", "bind-address-hard-fail"]

    func validate() throws {
        guard strictMode, let otherwise else { return }
        throw ValidationError("--strict-mode: \(otherwise); userspace and iptables are there to be named")
    }

    var mode: Mode { proxyMode == Mode.iptables.rawValue ? .iptables : .userspace }
    var carriesInKernel: Bool { mode == .iptables }

    /// Why the mode is another one than kube-proxy would have.
    private var otherwise: String? {
        switch proxyMode {
        case nil, Mode.userspace.rawValue?, Mode.iptables.rawValue?: nil
        case ""?: "no mode is named, where kube-proxy takes iptables"
        case let mode?: "the mode \(mode) is not there yet"
        }
    }

    /// One line for each thing that is not as it was asked for.
    var notes: [String] {
        var notes = note
        if let otherwise {
            notes.insert("\(otherwise): it is served as userspace; --strict-mode refuses that", at: 0)
        }
        let interfaces = carriesInKernel ? ["BridgeInterface", "InterfaceNamePrefix"] : []
        let known = ["", "ClusterCIDR", "NodeCIDR"] + interfaces
        if let detectLocalMode, !known.contains(detectLocalMode) {
            notes.append(
                "--detect-local-mode has no effect with \(detectLocalMode): the pods of this node are known by --cluster-cidr, or by "
                    + "podCIDRs of the Node")
        }
        return notes
    }
}
