import Glibc

/// The cluster that a soak's proxies serve: a node whose pods are addresses of this network namespace, Services whose
/// endpoints stay or die, and many others that come and go all the time.
struct SoakCluster: Sendable {
    static let node = "10.244.0.1"
    static let steady = ["10.244.0.11", "10.244.0.12"]
    static let dying = ["10.244.0.21", "10.244.0.22", "10.244.0.23"]
    static let nodePorts: (steady: UInt16, dying: UInt16, datagrams: UInt16) = (30_080, 30_090, 30_053)

    /// What is watched with `-f`.
    let folder: String
    let endpointPort: UInt16

    /// Gives this network namespace the addresses of the node and its pods.
    func addAddresses(in scratch: String) throws {
        for address in [Self.node] + Self.steady + Self.dying {
            let said = capture(
                ["/usr/bin/env", "ip", "address", "add", "\(address)/24", "dev", "lo"], in: scratch)
            guard said.isEmpty else { throw BenchFailure("ip: \(said)") }
        }
    }

    /// Writes what stays the same.
    func write() throws {
        mkdir(folder, 0o755)
        try portico_bench.write(
            """
            {apiVersion: v1, kind: Node, metadata: {name: soak},
             status: {addresses: [{type: InternalIP, address: \(Self.node)}]}}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: steady}
            spec:
              type: NodePort
              clusterIP: 10.96.0.1
              ports:
              - {name: tcp, port: 80, nodePort: \(Self.nodePorts.steady)}
              - {name: udp, port: 53, nodePort: \(Self.nodePorts.datagrams), protocol: UDP}
            ---
            \(slice("steady", Self.steady, ports: "{name: tcp, port: \(endpointPort)}, {name: udp, port: \(endpointPort), protocol: UDP}"))
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: dying}
            spec:
              type: NodePort
              clusterIP: 10.96.0.2
              ports: [{name: tcp, port: 80, nodePort: \(Self.nodePorts.dying)}]
            ---
            \(slice("dying", Self.dying, ports: "{name: tcp, port: \(endpointPort)}"))

            """, to: "\(folder)/steady.yaml")
        try change(0)
    }

    /// Writes the Services that nobody uses: each time some come, some go, and all endpoints are others.
    func change(_ turn: Int) throws {
        let services = (0..<20).map { index in
            let number = (turn * 5 + index) % 60
            return """
                apiVersion: v1
                kind: Service
                metadata: {name: other-\(number)}
                spec: {clusterIP: 10.96.1.\(number + 1), ports: [{name: tcp, port: 80}]}
                ---
                \(slice("other-\(number)", ["10.244.9.\(turn % 250 + 1)"], ports: "{name: tcp, port: 8080}"))

                """
        }
        // In one step, as tools do it: a file that is half written is another test's matter.
        let text = services.joined(separator: "---\n")
        try portico_bench.write(text, to: "\(folder)/.others")
        rename("\(folder)/.others", "\(folder)/others.yaml")
    }

    private func slice(_ service: String, _ addresses: [String], ports: String) -> String {
        """
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: \(service)-1, labels: {kubernetes.io/service-name: \(service)}}
        addressType: IPv4
        ports: [\(ports)]
        endpoints: [\(addresses.map { "{addresses: [\($0)], nodeName: elsewhere, conditions: {ready: true}}" }.joined(separator: ", "))]
        """
    }
}
