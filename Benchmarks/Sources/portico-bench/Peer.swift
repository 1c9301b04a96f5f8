import Measure

/// The way through a proxy that a scenario needs.
struct Route {
    let transport: Scenario.Transport
    /// A port for each service: all lead to the same backend.
    let listen: [UInt16]
    let backend: UInt16
    /// Of the API server in front of the backends, of tunnels.
    var kubeconfig = ""
    /// For whatever the peer has to write.
    let folder: String
}

/// A proxy that can be measured.
protocol Peer: Sendable {
    /// As `--peer` and the report call it.
    var name: String { get }
    /// As the table calls it.
    var title: String { get }
    /// Its program.
    var binary: String { get }
    var version: String { get }

    func supports(_ transport: Scenario.Transport) -> Bool
    /// Command line that serves the route in the foreground, with two threads or workers at most per the machine.
    func command(_ route: Route) throws -> [String]
    /// Whoever is at work beside it while it is measured, and is told to stop by a line; nil for nobody.
    func companion(in folder: String) throws -> Child?
}

extension Peer {
    func companion(in folder: String) throws -> Child? { nil }
}

/// Configurations as published in `Peers/`, with the ports filled in.
struct Templates {
    let folder: String

    /// Looks for the folder beside the package that this executable was built in.
    init() throws {
        var path = ownExecutable
        while let slash = path.lastIndex(of: "/") {
            path = String(path[..<slash])
            let candidate = path + "/Peers"
            if contents(of: candidate + "/haproxy.cfg") != nil {
                folder = candidate
                return
            }
        }
        throw BenchFailure("the folder Peers with the peers' configurations is not above \(ownExecutable)")
    }

    /// Writes the configuration for a route and returns its path.
    func fill(_ name: String, _ route: Route, threads: Int) throws -> String {
        guard var text = contents(of: folder + "/" + name) else { throw BenchFailure("no \(name) in \(folder)") }
        text = repeatServices(of: text, route.listen)
        let first = String(route.listen[0])
        let values = [
            "@LISTEN@": first, "@BACKEND@": String(route.backend), "@THREADS@": String(threads),
            "@FOLDER@": route.folder,
        ]
        for (mark, value) in values { text = replace(mark, value, in: text) }
        let path = "\(route.folder)/\(first)-\(name)"
        try write(text, to: path)
        return path
    }

    /// What stands between "# for each service:" and "# end" is there once for each port.
    private func repeatServices(of text: String, _ ports: [UInt16]) -> String {
        guard let start = text.firstRange(of: "# for each service:\n"), let end = text.firstRange(of: "# end\n") else {
            return text
        }
        let section = String(text[start.upperBound..<end.lowerBound])
        let sections = ports.map { replace("@LISTEN@", String($0), in: section) }.joined()
        return text[..<start.lowerBound] + sections + text[end.upperBound...]
    }

    private func replace(_ mark: String, _ value: String, in text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let range = rest.firstRange(of: mark) {
            result += rest[..<range.lowerBound] + value
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
