import Glibc
import Measure

/// `portico forward` as people use it.
struct PorticoForward: Peer {
    let binary: String
    let name = Results.portico
    let title = "Portico"

    var version: String { versionNumber(in: capture([binary, "--version"], in: "/tmp")) }

    func supports(_ transport: Scenario.Transport) -> Bool { transport == .tunnel }

    func command(_ route: Route) -> [String] {
        [binary, "forward", "service/web"] + route.tunnelPorts + ["--kubeconfig", route.kubeconfig]
    }
}

/// `kubectl port-forward` of some version.
struct KubectlForward: Peer {
    let binary: String
    let version: String

    /// With the minor version: kubectl-1.33.
    var name: String { "kubectl-" + version.split(separator: ".").prefix(2).joined(separator: ".") }
    var title: String { name }

    func supports(_ transport: Scenario.Transport) -> Bool { transport == .tunnel }

    func command(_ route: Route) -> [String] {
        [
            binary, "port-forward", "service/web",
        ] + route.tunnelPorts + [
            "--address", "127.0.0.1", "--kubeconfig", route.kubeconfig, "--cache-dir", "\(route.folder)/\(name)-cache",
        ]
    }

    /// Nil if it is no kubectl that can be run, or gcloud's, which runs another one.
    init?(binary: String) {
        let words = capture([binary, "version", "--client", "--output", "json"], in: "/tmp")
        guard !words.contains("-dispatcher"), let mark = words.firstRange(of: "\"gitVersion\": \"v") else { return nil }
        self.binary = binary
        version = String(words[mark.upperBound...].prefix { $0.isNumber || $0 == "." })
    }

    /// All that are in PATH and where gcloud keeps them, the oldest first, one of each minor version.
    static func installed() -> [KubectlForward] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/lib/google-cloud-sdk/bin"]
        let candidates = folders.flatMap { folder in
            names(in: folder).filter { $0 == "kubectl" || $0.hasPrefix("kubectl.") }.sorted().map { "\(folder)/\($0)" }
        }
        return each(of: candidates.filter(isExecutable))
    }

    static func each(of binaries: [String]) -> [KubectlForward] {
        var names: Set<String> = []
        let found = binaries.compactMap { KubectlForward(binary: $0) }.filter { names.insert($0.name).inserted }
        return found.sorted { $0.name.count == $1.name.count ? $0.name < $1.name : $0.name.count < $1.name.count }
    }
}

extension Route {
    /// The ports 80, 81, … of the Service.
    fileprivate var tunnelPorts: [String] { listen.enumerated().map { "\($1):\(80 + $0)" } }
}
