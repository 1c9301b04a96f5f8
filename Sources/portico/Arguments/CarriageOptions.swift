import ArgumentParser
import Redirect

/// How the kernel carries connections in the iptables mode. Names and meanings are those of kube-proxy; in userspace mode
/// none of them does anything (``KubeProxySetting/Effect/carried(_:)``).
struct CarriageOptions: ParsableArguments {
    @Flag(help: "What goes to cluster IPs leaves as if this node had sent it, whoever has.")
    var masqueradeAll = false

    @Option(
        help: ArgumentHelp(
            "The bit of a packet's mark that says that it leaves as if this node had sent it: 0 to 31.",
            valueName: "bit"))
    var iptablesMasqueradeBit = 14

    @Option(
        help: ArgumentHelp(
            "Lead node ports at 127.0.0.1 to endpoints by rules, for which net.ipv4.conf.all.route_localnet is set. "
                + "(default: true)",
            discussion: "With false they answer there all the same: the sockets that hold node ports for this node do.",
            valueName: "true|false"),
        transform: { text in
            guard let value = GoFlags.truth(text) else { throw ArgumentError("'\(text)' is neither true nor false") }
            return value
        })
    var iptablesLocalhostNodeports = true

    @Option(
        help: ArgumentHelp(
            "The bridge of this node's pods, for --detect-local-mode BridgeInterface.", valueName: "name"))
    var podBridgeInterface: String?

    @Option(
        help: ArgumentHelp(
            "How the names of pods' interfaces begin, for --detect-local-mode InterfaceNamePrefix.", valueName: "text"))
    var podInterfaceNamePrefix: String?

    func validate() throws {
        guard (0...31).contains(iptablesMasqueradeBit) else {
            throw ValidationError("--iptables-masquerade-bit takes a number from 0 to 31")
        }
        // As long as the kernel has names, and one less where iptables puts a `+` behind it.
        for (flag, name, longest) in [
            ("--pod-bridge-interface", podBridgeInterface, 15),
            ("--pod-interface-name-prefix", podInterfaceNamePrefix, 14),
        ] {
            guard let name, !name.isEmpty else { continue }
            let isPlain = name.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#"/"'\"#.utf8.contains($0) }
            guard isPlain, name.utf8.count <= longest else {
                throw ValidationError("\(flag): '\(name)' cannot be the name of an interface")
            }
        }
    }

    /// - Parameter mode: of `--detect-local-mode`.
    func carriage(detectingBy mode: String?, dropsInvalid: Bool) throws -> KernelCarriage {
        var carriage = KernelCarriage(
            routesLocalhost: iptablesLocalhostNodeports, masqueradeBit: iptablesMasqueradeBit,
            masqueradesAll: masqueradeAll, dropsInvalid: dropsInvalid)
        switch mode {
        case "BridgeInterface":
            guard let podBridgeInterface, !podBridgeInterface.isEmpty else {
                throw CommandFailure("--detect-local-mode BridgeInterface needs --pod-bridge-interface")
            }
            carriage.podInterfaces = .bridge(podBridgeInterface)
        case "InterfaceNamePrefix":
            guard let podInterfaceNamePrefix, !podInterfaceNamePrefix.isEmpty else {
                throw CommandFailure("--detect-local-mode InterfaceNamePrefix needs --pod-interface-name-prefix")
            }
            carriage.podInterfaces = .interfacePrefix(podInterfaceNamePrefix)
        default: break
        }
        return carriage
    }
}
