/// Manifests for tests, as text.
enum Manifest {
    /// A Service over port 80 of the pods of a slice of the same name; TCP as `web` and UDP as `datagrams`.
    ///
    /// - Parameter spec: further lines of its spec, each indented by two blanks.
    static func service(
        _ name: String, clusterIPs: [String], type: String = "ClusterIP", nodePort: UInt16? = nil, spec: String = "",
        ingress: [String] = []
    ) -> String {
        let number = nodePort.map { ", nodePort: \($0)" } ?? ""
        return """
            apiVersion: v1
            kind: Service
            metadata: {name: \(name), namespace: default}
            spec:
              type: \(type)
              clusterIP: "\(clusterIPs[0])"
              clusterIPs: [\(list(clusterIPs))]
            \(spec)
              ports:
                - {name: web, protocol: TCP, port: 80\(number)}
                - {name: datagrams, protocol: UDP, port: 80\(number)}
            status: {loadBalancer: {ingress: [\(ingress.map { "{ip: \"\($0)\"}" }.joined(separator: ", "))]}}

            """
    }

    /// One endpoint.
    struct Endpoint {
        var address: String
        var node: String
        var conditions = "ready: true"

        static let nginx1 = Endpoint(address: "10.244.2.3", node: "node3")
        static let nginx3 = Endpoint(address: "10.244.1.3", node: "node2")

        /// The same pod, shutting down; it still answers.
        var terminating: Endpoint {
            Endpoint(address: address, node: node, conditions: "ready: false, serving: true, terminating: true")
        }
    }

    /// The endpoints of a Service.
    static func endpoints(_ service: String, _ endpoints: [Endpoint]) -> String {
        let lines = endpoints.map {
            "  - {addresses: [\"\($0.address)\"], nodeName: \($0.node), conditions: {\($0.conditions)}}"
        }
        return """
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: \(service)-x, namespace: default, labels: {kubernetes.io/service-name: \(service)}}
            addressType: IPv4
            ports:
              - {name: web, protocol: TCP, port: 80}
              - {name: datagrams, protocol: UDP, port: 80}
            endpoints:
            \(lines.isEmpty ? "  []" : lines.joined(separator: "\n"))

            """
    }

    private static func list(_ words: [String]) -> String { words.map { "\"\($0)\"" }.joined(separator: ", ") }
}
