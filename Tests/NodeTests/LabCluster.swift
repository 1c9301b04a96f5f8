import APITestSupport
import Documents
import Foundation
import TestSupport

/// The API server of a lab: it answers on localhost of every node, with TLS and a token, and has what tests apply.
final class LabCluster: Sendable {
    private static let port: UInt16 = 6443

    private struct Key: Hashable {
        var kind: String
        var name: String
    }

    let kubeconfig: String
    /// Of the server's authority.
    let certificate: [UInt8]
    let server: ScriptedAPIServer
    private let services = ObjectShelf("v1", "Service", at: "/api/v1/services")
    private let slices = ObjectShelf(
        "discovery.k8s.io/v1", "EndpointSlice", at: "/apis/discovery.k8s.io/v1/endpointslices")
    /// Each node watches its own alone.
    private let nodes: [String: ObjectShelf]
    /// What each file has.
    private let files = Locked<[String: [Key: String]]>([:])
    private let marks = Locked<UInt16>(0)

    init(_ lab: String, nodes names: [String], _ folder: TemporaryDirectory) async throws {
        let authority = try await TestAuthority()
        certificate = authority.certificate
        var sockets: [Int32] = []
        for name in names {
            sockets.append(try await OwnResources.inNetwork(named: "\(lab)-\(name)") { try Self.listen() })
        }
        server = try await ScriptedAPIServer(identity: try await authority.server(), sockets: sockets)
        nodes = Dictionary(
            uniqueKeysWithValues: names.map { ($0, ObjectShelf("v1", "Node", at: "/api/v1/nodes")) })
        kubeconfig = try folder.writeKubeconfig(port: Self.port, authority)
        for shelf in [services, slices] { server.serve(shelf) }
        for (name, shelf) in nodes { server.serve(shelf, query: ["fieldSelector": "metadata.name=\(name)"]) }
    }

    func close() { server.close() }

    /// Adds or replaces the objects of a file, and removes those that it has no more.
    func apply(_ file: String, _ yaml: String) throws {
        let bytes = Array(yaml.utf8)
        var objects: [Key: String] = [:]
        for chunk in DocumentSplitter.split(bytes) {
            let tree = try DocumentTree.read(Array(bytes[chunk.range]))
            guard let root = tree.root, let metadata = tree.value(of: "metadata", in: root),
                let text = tree.json(of: root, atMost: 1 << 20)
            else { continue }
            let kind = tree.text(at: ["kind"], in: root) ?? ""
            objects[Key(kind: kind, name: tree.text(at: ["name"], in: metadata) ?? "")] = text
        }
        let before = files.withLock { $0.updateValue(objects, forKey: file) } ?? [:]
        for key in before.keys where objects[key] == nil { shelf(of: key)?.remove(key.name) }
        for (key, text) in objects where before[key] != text { put(key, text) }
    }

    /// How many lists and watches were asked for.
    var requests: Int { server.requests.count }

    /// Adds or replaces one object of the namespace `default`.
    ///
    /// - Parameter json: on one line, with `metadata` in it.
    func put(_ kind: String, _ name: String, _ json: String) { put(Key(kind: kind, name: name), json) }

    /// Makes a Service that can be seen to be served, in place of the last one.
    ///
    /// - Returns: its cluster IP.
    func mark(_ endpoint: String) -> String {
        let number = marks.withLock { marks in
            marks += 1
            return marks
        }
        let address = "10.100.255.\(number % 250)"
        for shelf in [services, slices] { shelf.remove("mark-\(number - 1)") }
        put(
            Key(kind: "EndpointSlice", name: "mark-\(number)"),
            #"{"metadata":{"name":"mark-\#(number)","namespace":"default","labels":{"kubernetes.io/service-name":"mark-\#(number)"}},"#
                + #""addressType":"IPv4","ports":[{"name":"","protocol":"TCP","port":80}],"#
                + #""endpoints":[{"addresses":["\#(endpoint)"],"conditions":{"ready":true}}]}"#)
        put(
            Key(kind: "Service", name: "mark-\(number)"),
            #"{"metadata":{"name":"mark-\#(number)","namespace":"default"},"spec":{"#
                + #""clusterIP":"\#(address)","ports":[{"protocol":"TCP","port":80}]}}"#)
        return address
    }

    private func shelf(of key: Key) -> ObjectShelf? {
        switch key.kind {
        case "Service": services
        case "EndpointSlice": slices
        default: nodes[key.name]
        }
    }

    private func put(_ key: Key, _ text: String) {
        shelf(of: key)?.put(key.name) { version in
            guard let range = text.range(of: "\"metadata\":{") else { return text }
            return text.replacingCharacters(in: range, with: "\"metadata\":{\"resourceVersion\":\"\(version)\",")
        }
    }

    /// On the calling thread's network.
    private static func listen() throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Lab.Failure(description: "socket: \(errno)") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound, Glibc.listen(socket, 16) == 0 else { throw Lab.Failure(description: "listen: \(errno)") }
        return socket
    }
}
