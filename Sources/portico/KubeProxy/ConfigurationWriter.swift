import Base
import Documents
import KubernetesAPI
import Logging
import Proxy

/// The configuration of a daemon as a `KubeProxyConfiguration`, defaults too, for `--write-config-to`.
struct ConfigurationWriter {
    private let daemon: Daemon
    /// What was given for what does nothing here, by flag or field. It is written, so that kube-proxy can have the file
    /// back.
    private let kept: [String: String]

    init(_ daemon: Daemon) {
        self.daemon = daemon
        let pairs = daemon.kubeProxy.withoutEffect.map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
        }
        kept = Dictionary(pairs, uniquingKeysWith: { _, later in later })
    }

    /// All of it.
    var text: String { text(KubeProxySetting.all) }

    /// The same as kube-proxy's `/configz` has it.
    var json: String {
        let tree = Array(text.utf8).withUnsafeBufferPointer { try? YAMLReader.read($0, firstLine: 1) }
        let object = tree.flatMap { tree in tree.root.flatMap { tree.json(of: $0, atMost: 1 << 20) } }
        return "{\"kubeproxy.config.k8s.io\":\(object ?? "{}")}\n"
    }

    /// What makes a difference to this daemon: two that have the same do the same, however their files are written.
    var effect: String {
        text(KubeProxySetting.all.filter { $0.reasonForNothing(daemon.kubeProxy.carriesInKernel) == nil })
    }

    /// YAML, with fields in alphabetical order.
    private func text(_ settings: [KubeProxySetting]) -> String {
        var lines = ["apiVersion: \(KubeProxyConfiguration.apiVersion)"]
        let values = Dictionary(
            settings.compactMap { setting -> (String, String)? in
                guard let field = setting.field, let text = yaml(setting, field) else { return nil }
                return (field, text)
            }, uniquingKeysWith: { first, _ in first })
        var parent: Substring?
        for field in (Array(values.keys) + ["kind"]).sorted() {
            let parts = field.split(separator: ".")
            if parts.count > 1, parts[0] != parent { lines.append("\(parts[0]):") }
            parent = parts.count > 1 ? parts[0] : nil
            let value = values[field] ?? KubeProxyConfiguration.kind
            lines.append(parts.count > 1 ? "  \(parts[1]): \(value)" : "\(field): \(value)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The value of a field; nil if it is better left out.
    private func yaml(_ setting: KubeProxySetting, _ field: String) -> String? {
        let value: String
        if setting.reasonForNothing(daemon.kubeProxy.carriesInKernel) != nil {
            value = kept[field] ?? setting.flag.flatMap { kept[$0] } ?? setting.standard
        } else {
            guard let own = own(field) else { return nil }
            value = own
        }
        switch setting.kind {
        case .text, .duration: return JSONValue.string(value).text
        case .toggle, .integer, .number: return value
        case .list: return JSONValue.array(value.split(separator: ",").map { .string(String($0)) }).text
        case .gates:
            let pairs = value.split(separator: ",").map { $0.split(separator: "=", maxSplits: 1) }
            return JSONValue.object(pairs.map { (String($0[0]), .bool($0.last?.lowercased() == "true")) }).text
        }
    }

    /// What this daemon has, as the flag of the field would take it.
    private func own(_ field: String) -> String? {
        let (node, kernel, carriage) = (daemon.node, daemon.kernel, daemon.carriage)
        return switch field {
        case "bindAddress": node.bindAddress.map { "\($0)" } ?? "0.0.0.0"
        case "bindAddressHardFail": "\(daemon.health.bindAddressHardFail)"
        case "clientConnection.kubeconfig": daemon.cluster.kubeconfig ?? ""
        case "clusterCIDR": node.clusterCidr.map(\.description).joined(separator: ",")
        case "conntrack.maxPerCore": "\(kernel.conntrackMaxPerCore)"
        case "conntrack.min": "\(kernel.conntrackMin)"
        case "conntrack.tcpBeLiberal": "\(kernel.conntrackTcpBeLiberal)"
        case "conntrack.tcpCloseWaitTimeout": "\(kernel.conntrackTcpTimeoutCloseWait)"
        case "conntrack.tcpEstablishedTimeout": "\(kernel.conntrackTcpTimeoutEstablished)"
        case "conntrack.udpStreamTimeout": "\(kernel.conntrackUdpTimeoutStream)"
        case "conntrack.udpTimeout": "\(kernel.conntrackUdpTimeout)"
        case "detectLocal.bridgeInterface": carriage.podBridgeInterface ?? ""
        case "detectLocal.interfaceNamePrefix": carriage.podInterfaceNamePrefix ?? ""
        case "detectLocalMode": daemon.kubeProxy.detectLocalMode ?? ""
        case "healthzBindAddress": daemon.health.address.map { "\($0)" } ?? ""
        case "hostnameOverride": node.hostnameOverride ?? ""
        case "iptables.localhostNodePorts": "\(carriage.iptablesLocalhostNodeports)"
        case "iptables.masqueradeAll": "\(carriage.masqueradeAll)"
        case "iptables.masqueradeBit": "\(carriage.iptablesMasqueradeBit)"
        case "iptables.minSyncPeriod": "\(daemon.rules.iptablesMinSyncPeriod)"
        case "iptables.syncPeriod": "\(daemon.rules.iptablesSyncPeriod)"
        case "logging.format": daemon.logging.format.rawValue
        case "logging.verbosity": "\(daemon.logging.verbosity)"
        case "metricsBindAddress": daemon.admin.address.map { "\($0)" } ?? ""
        case "mode": daemon.kubeProxy.proxyMode ?? KubeProxyOptions.Mode.userspace.rawValue
        case "nodePortAddresses": node.nodeportAddresses.description
        case "oomScoreAdj": "\(kernel.oomScoreAdj)"
        case "portRange": node.proxyPortRange.description
        // Later versions of kube-proxy do not know it.
        case "udpIdleTimeout": daemon.relay.udpTimeout.map { "\($0)" }
        default: nil
        }
    }
}

extension Daemon {
    func writeConfiguration(to path: String, _ logger: Logger) throws(CommandFailure) {
        // As the umask has it: nothing in it is secret.
        do throws(SystemError) {
            try LocalFile.write(ConfigurationWriter(self).text, to: path)
        } catch {
            throw CommandFailure("cannot write \(path): \(error.reason)")
        }
        logger.notice("the configuration has been written to \(path)")
    }
}
