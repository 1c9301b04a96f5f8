import TestSupport
import Testing

/// A row of the table of faults: what is there before, and how the fault is caused.
struct Fault: Sendable, CustomTestStringConvertible {
    /// As in the first column.
    let name: String
    let prepare: @Sendable (FaultNode) async throws -> Void
    let cause: @Sendable (FaultNode) async throws -> Void

    init(
        _ name: String, after prepare: @escaping @Sendable (FaultNode) async throws -> Void = { _ in },
        cause: @escaping @Sendable (FaultNode) async throws -> Void
    ) {
        (self.name, self.prepare, self.cause) = (name, prepare, cause)
    }

    var testDescription: String { name }
}

extension Fault {
    static let all = ofPods + ofPorts + ofTheAPIServer + ofTheMachine

    /// A Service with two pods that answer.
    private static func serve(_ node: FaultNode, rules: Bool = false) async throws {
        try node.apply(web())
        for (name, address) in pods { try await node.startPod(name, at: address) }
        try await node.start(rules: rules)
        #expect(Set(try await node.ask(4)) == [.pod("web-1"), .pod("web-2")])
    }

    private static let pods = [("web-1", "10.244.1.1"), ("web-2", "10.244.1.2")]

    private static let ofPods: [Fault] = [
        Fault("one of two pods ends, and the cluster does not know yet") { node in
            try await serve(node)
        } cause: { node in
            await node.endPod("web-2")
            let answers = try await node.ask(6)
            #expect(answers == Array(repeating: .pod("web-1"), count: 6))
        },
        Fault("it is there again") { node in
            try await serve(node)
            await node.endPod("web-2")
            _ = try await node.ask(2)
        } cause: { node in
            try await node.startPod("web-2", at: "10.244.1.2")
        },
        Fault("both pods end, and 6 clients come") { node in
            try await serve(node)
        } cause: { node in
            for (name, _) in pods { await node.endPod(name) }
            let answers = try await node.ask(6)
            #expect(Set(answers).isDisjoint(with: [.pod("web-1"), .pod("web-2")]))
        },
        Fault("the cluster takes all endpoints away") { node in
            try await serve(node, rules: true)
        } cause: { node in
            try node.apply(web(endpoints: []))
            // Who comes before the rule counts like others.
            let isRefused = await eventually(within: .seconds(30)) {
                (try? await node.run("iptables-save"))?.contains("-j REJECT") == true
            }
            #expect(isRefused)
            #expect(try await node.ask(3) == [.refused, .refused, .refused])
        },
        Fault("the pod of a UDP Service does not listen, and 3 clients ask") { node in
            try node.apply(dns)
            try await node.start()
        } cause: { node in
            try await node.send(3, to: 30_053)
        },
    ]

    private static let ofPorts: [Fault] = [
        Fault("another program has the node port") { node in
            try node.apply(web(nodePort: nil))
            try await node.start()
        } cause: { node in
            try await node.socket("0.0.0.0", 30_080)
            try node.apply(web())
        },
        Fault("another program has the port of the metrics") { node in
            try node.apply(web())
            try await node.start()
            #expect(try await node.scrape() != nil)
            try await node.stop()
        } cause: { node in
            try await node.socket("127.0.0.1", 10_249)
            try await node.start()
            #expect(try await node.scrape() == nil)
        },
    ]

    private static let ofTheAPIServer: [Fault] = [
        Fault("the API server goes away") { node in
            try await node.serveAPI()
            try await node.start(.apiServer)
        } cause: { node in
            await node.endAPI()
        },
        Fault("it is not there at the start") { node in
            try await node.start(.apiServer, serves: false)
        },
        Fault("what answers there is no API server") { node in
            try await node.serveAPI()
            try await node.start(.apiServer)
        } cause: { node in
            await node.endAPI(stays: true)
        },
    ]

    private static let ofTheMachine: [Fault] = [
        Fault("iptables refuses a change") { node in
            try node.apply(web())
            try node.wrapIptables()
            // The time after which health tells is two periods.
            try await node.start(.manifests, ["--iptables-sync-period=1s"], rules: true)
        } cause: { node in
            try node.refuseRules()
            try node.apply(web(externalIP: "203.0.113.7"))
        },
        Fault("somebody flushes the rules") { node in
            try node.apply(web())
            try await node.start(rules: true)
        } cause: { node in
            try await node.run("iptables -t nat -F")
        },
        Fault("descriptors run out: more clients come at once than the limit of open files allows") { node in
            try node.apply(web())
            // Pods that take connections, and never end them.
            for (_, address) in pods { try await node.socket(address, 8080) }
            // The machine is looked at in that time, or not, for want of descriptors.
            try await node.start(.manifests, ["--iptables-sync-period=1s"])
        } cause: { node in
            // The limit that it found at its start is one that it knows how to share out.
            let open = try #require(try await node.scrape()).sum("process_open_fds")
            try await node.limitFiles(to: Int(open) + 10)
            // Nobody can scrape it until they have gone.
            try await node.crowd(100, to: 30_080)
        },
    ]

    private static func web(
        nodePort: UInt16? = 30_080, externalIP: String? = nil,
        endpoints: [(name: String, address: String)] = pods
    ) -> String {
        let port = nodePort.map { ", nodePort: \($0)" } ?? ""
        let lines = endpoints.map {
            "  - {addresses: [\($0.address)], conditions: {ready: true}, targetRef: {kind: Pod, name: \($0.name)}}"
        }
        return """
            apiVersion: v1
            kind: Service
            metadata: {name: web, namespace: shop}
            spec:
              type: \(nodePort == nil ? "ClusterIP" : "NodePort")
              clusterIP: 10.96.0.10
              externalIPs: [\(externalIP ?? "")]
              ports: [{name: http, port: 80, targetPort: 8080\(port)}]
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: web, namespace: shop, labels: {kubernetes.io/service-name: web}}
            addressType: IPv4
            ports: [{name: http, port: 8080, protocol: TCP}]
            endpoints:
            \(lines.isEmpty ? "  []" : lines.joined(separator: "\n"))

            """
    }

    private static let dns = """
        apiVersion: v1
        kind: Service
        metadata: {name: dns, namespace: shop}
        spec:
          type: NodePort
          clusterIP: 10.96.0.11
          ports: [{name: dns, port: 53, targetPort: 5353, nodePort: 30053, protocol: UDP}]
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: dns, namespace: shop, labels: {kubernetes.io/service-name: dns}}
        addressType: IPv4
        ports: [{name: dns, port: 5353, protocol: UDP}]
        endpoints: [{addresses: [10.244.1.3], conditions: {ready: true}, targetRef: {kind: Pod, name: dns-1}}]

        """
}
