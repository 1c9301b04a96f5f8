import ArgumentParser
import TestSupport
import Testing

@testable import portico

/// A configuration file of kube-proxy, in a folder of its own, and what a daemon makes of it.
struct ConfigurationFile {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    static let head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"

    func daemon(_ text: String, _ arguments: String...) throws -> Daemon {
        try folder.write(Self.head + text, to: "config.conf")
        return try command(["--config=\(folder.file("config.conf"))"] + arguments)
    }

    func command(_ arguments: [String]) throws -> Daemon {
        let line = try DaemonCommandLine(arguments).settled()
        return try #require(try Portico.parseAsRoot([Daemon.name] + line) as? Daemon)
    }

    func mistakes(_ text: String) throws -> [String] {
        try folder.write(text, to: "config.conf")
        do throws(ConfigurationMistakes) {
            _ = try KubeProxyConfiguration(file: folder.file("config.conf"))
            return []
        } catch {
            return error.lines.map { String($0.dropFirst(folder.file("config.conf").count)) }
        }
    }

    /// What a daemon says of it, without the folder that the test happens to be in.
    func notes(of daemon: Daemon) -> [String] {
        daemon.kubeProxy.notes.map { note in
            guard let range = note.firstRange(of: folder.path + "/") else { return note }
            return String(note[..<range.lowerBound] + note[range.upperBound...])
        }
    }

    /// As kubeadm writes it.
    static let kubeadm = """
        bindAddress: 0.0.0.0
        bindAddressHardFail: false
        clientConnection:
          acceptContentTypes: ""
          burst: 0
          contentType: ""
          kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
          qps: 0
        clusterCIDR: 10.244.0.0/16,fd00:244::/56
        configSyncPeriod: 0s
        conntrack:
          maxPerCore: null
          min: null
          tcpBeLiberal: false
          tcpCloseWaitTimeout: null
          tcpEstablishedTimeout: null
          udpStreamTimeout: 0s
          udpTimeout: 0s
        detectLocal:
          bridgeInterface: ""
          interfaceNamePrefix: ""
        detectLocalMode: ""
        enableProfiling: false
        featureGates: null
        healthzBindAddress: ""
        hostnameOverride: ""
        iptables:
          localhostNodePorts: null
          masqueradeAll: false
          masqueradeBit: null
          minSyncPeriod: 0s
          syncPeriod: 0s
        ipvs:
          excludeCIDRs: null
          minSyncPeriod: 0s
          scheduler: ""
          strictARP: false
          syncPeriod: 0s
          tcpFinTimeout: 0s
          tcpTimeout: 0s
          udpTimeout: 0s
        logging:
          flushFrequency: 0
          options:
            json:
              infoBufferSize: "0"
            text:
              infoBufferSize: "0"
          verbosity: 0
        metricsBindAddress: ""
        mode: ""
        nftables:
          masqueradeAll: false
          masqueradeBit: null
          minSyncPeriod: 0s
          syncPeriod: 0s
        nodePortAddresses: null
        oomScoreAdj: null
        portRange: ""
        showHiddenMetricsForVersion: ""
        winkernel:
          enableDSR: false
          forwardHealthCheckVip: false
          networkName: ""
          rootHnsEndpointName: ""
          sourceVip: ""
        """
}
