import APITestSupport
import TestSupport

/// A cluster's API server for programs that are run as a user runs them. The cluster has one Service, `shop/web`.
final class ProgramCluster {
    let server: ScriptedAPIServer
    let services = ObjectShelf("v1", "Service", at: "/api/v1/services")
    let slices = ObjectShelf("discovery.k8s.io/v1", "EndpointSlice", at: "/apis/discovery.k8s.io/v1/endpointslices")
    let nodes = ObjectShelf("v1", "Node", at: "/api/v1/nodes")
    let folder: TemporaryDirectory
    let kubeconfig: String

    init() async throws {
        let authority = try await TestAuthority()
        server = try await ScriptedAPIServer(identity: try await authority.server())
        folder = try TemporaryDirectory()
        for shelf in [services, slices, nodes] { server.serve(shelf) }
        kubeconfig = try folder.writeKubeconfig(port: server.port, authority)
    }

    func put(service spec: String, status: String = "{}") {
        services.put("shop/web") { version in
            #"{"metadata":{"name":"web","namespace":"shop","uid":"s-1","resourceVersion":"\#(version)"},"#
                + #""spec":\#(spec),"status":\#(status)}"#
        }
    }

    /// The Node that daemons are.
    func put(node spec: String = "{}", address: String = "127.0.0.1", metadata: String = "") {
        nodes.put("node1") { version in
            #"{"metadata":{"name":"node1","uid":"n-1","resourceVersion":"\#(version)"\#(metadata)},"spec":\#(spec),"#
                + #""status":{"addresses":[{"type":"InternalIP","address":"\#(address)"}]}}"#
        }
    }

    /// A daemon that leaves the machine's firewall and settings alone.
    func daemon(_ arguments: String...) throws -> ChildProcess {
        let daemon = try ChildProcess(
            try DevProcess.program(),
            [
                "daemon", "--kubeconfig", kubeconfig, "--hostname-override", "node1", "--redirect", "none",
                "--kernel-root", folder.path, "--output", "json",
            ] + arguments)
        daemon.closeInput()
        return daemon
    }

    /// The bodies of events that have been written, as far as they have this text.
    func events(_ text: String) -> [String] {
        server.requests.filter { $0.method == "POST" && $0.path.hasSuffix("/events") }
            .map { String(decoding: $0.body, as: UTF8.self) }.filter { $0.contains(text) }
    }

    /// The endpoints of the Service: ports of this machine.
    func put(endpoints ports: [UInt16]) {
        for (index, port) in ports.enumerated() {
            slices.put("shop/web-\(index)") { version in
                #"{"metadata":{"name":"web-\#(index)","namespace":"shop","resourceVersion":"\#(version)","#
                    + #""labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4","#
                    + #""ports":[{"name":"","port":\#(port),"protocol":"TCP"}],"#
                    + #""endpoints":[{"addresses":["127.0.0.1"],"conditions":{"ready":true}}]}"#
            }
        }
    }
}
