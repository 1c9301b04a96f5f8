import APITestSupport
import TestSupport

@testable import portico

/// A cluster whose pods can be reached through its API server only: their addresses lead nowhere. It has the Service `shop/web`.
final class TunnelCluster {
    let api: ScriptedAPIServer
    let pods: PortForwardServer
    let services = ObjectShelf("v1", "Service", at: "/api/v1/namespaces/shop/services")
    let slices = ObjectShelf(
        "discovery.k8s.io/v1", "EndpointSlice", at: "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices")
    let podShelf = ObjectShelf("v1", "Pod", at: "/api/v1/namespaces/shop/pods")
    let kubeconfig: String
    private let address: ServerSwitch
    private let folder: TemporaryDirectory

    init() async throws {
        api = try await ScriptedAPIServer(offersHTTP2: false)
        pods = try await PortForwardServer()
        for shelf in [services, slices, podShelf] { api.serve(shelf) }
        address = try await ServerSwitch(portForwards: pods.port, others: api.port)
        folder = try TemporaryDirectory()
        try folder.write(
            """
            apiVersion: v1
            kind: Config
            current-context: test
            clusters: [{name: test, cluster: {server: "http://127.0.0.1:\(address.port)"}}]
            contexts: [{name: test, context: {cluster: test, namespace: shop}}]
            """, to: "config")
        kubeconfig = folder.file("config")
    }

    /// The Service, and what is answered where it is asked for by name.
    func put(service ports: String = #"[{"port":80,"protocol":"TCP","targetPort":8080}]"#, more: String = "") {
        services.put("shop/web") { Self.service(ports, more, $0) }
        api.on("GET", services.path + "/web", .answer(200, Self.service(ports, more, "1")))
    }

    private static func service(_ ports: String, _ more: String, _ version: String) -> String {
        #"{"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"shop","resourceVersion":"\#(version)"},"#
            + #""spec":{"selector":{"app":"web"}\#(more),"ports":\#(ports)}}"#
    }

    /// Its pods that are ready, by name, and the port of each.
    func put(endpoints: [String], port: UInt16 = 8080, name: String = "") {
        let entries = endpoints.enumerated().map { index, pod in
            #"{"addresses":["192.0.2.\#(index + 1)"],"conditions":{"ready":true},"#
                + #""targetRef":{"kind":"Pod","name":"\#(pod)","namespace":"shop"}}"#
        }
        slices.put("shop/web-1") { version in
            #"{"metadata":{"name":"web-1","namespace":"shop","resourceVersion":"\#(version)","#
                + #""labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4","#
                + #""ports":[{"name":"\#(name)","port":\#(port),"protocol":"TCP"}],"endpoints":[\#(entries.joined(separator: ","))]}"#
        }
    }

    /// A pod that runs.
    func put(pod name: String, phase: String = "Running", address: Int = 9, labels: String = #"{"app":"web"}"#) {
        func text(_ version: String) -> String {
            #"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"\#(name)","namespace":"shop","labels":\#(labels),"#
                + #""resourceVersion":"\#(version)"},"spec":{"containers":[{"name":"c","ports":"#
                + #"[{"name":"http","containerPort":8080},{"name":"dns","containerPort":53,"protocol":"UDP"}]}]},"#
                + #""status":{"phase":"\#(phase)","podIP":"192.0.2.\#(address)","#
                + #""conditions":[{"type":"Ready","status":"\#(phase == "Running" ? "True" : "False")"}]}}"#
        }
        podShelf.put("shop/\(name)", text)
        api.on("GET", podShelf.path + "/\(name)", .answer(200, text("1")))
    }

    /// `portico forward`, with the arguments behind it.
    func forward(_ arguments: String...) throws -> ChildProcess {
        let child = try ChildProcess(
            try DevProcess.program(), ["forward"] + arguments + ["--kubeconfig", kubeconfig])
        child.closeInput()
        return child
    }
}
