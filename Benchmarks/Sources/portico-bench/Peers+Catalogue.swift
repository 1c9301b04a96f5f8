import Glibc
import Measure

/// Portico as people start it at their desk: default configuration, no flags but the services.
struct Portico: Peer {
    let binary: String
    var name = Results.portico
    var title = "Portico"

    var version: String { versionNumber(in: capture([binary, "--version"], in: "/tmp")) }

    func supports(_ transport: Scenario.Transport) -> Bool { true }

    func command(_ route: Route) -> [String] {
        let services = route.listen.enumerated().flatMap { number, listen in
            let port = route.transport == .tcp ? "\(listen)" : "\(listen)/udp"
            let name = number == 0 ? "bench" : "bench-\(number)"
            return [
                "--service", "\(name):\(port)=127.0.0.1:\(route.backend)",
                "--publish", "\(name):\(port)=127.0.0.1:\(listen)",
            ]
        }
        return [binary, "dev"] + services + ["--output", "json"]
    }
}

/// HAProxy in tcp mode, with and without splice.
struct HAProxy: Peer {
    let binary: String
    let splice: Bool
    let threads: Int
    let templates: Templates

    var name: String { splice ? "haproxy-splice" : "haproxy" }
    var title: String { splice ? "HAProxy splice" : "HAProxy" }
    var version: String { versionNumber(in: capture([binary, "-v"], in: "/tmp")) }

    /// It proxies no UDP but syslog.
    func supports(_ transport: Scenario.Transport) -> Bool { transport == .tcp }

    func command(_ route: Route) throws -> [String] {
        [binary, "-db", "-f", try templates.fill("\(name).cfg", route, threads: threads)]
    }
}

/// nginx's stream proxy.
struct Nginx: Peer {
    let name = "nginx"
    let title = "nginx"
    let binary: String
    let module: String
    let threads: Int
    let templates: Templates

    /// The module, or "" where it is compiled in.
    static var module: String? {
        let paths = ["/usr/lib/nginx/modules/ngx_stream_module.so", "/usr/lib64/nginx/modules/ngx_stream_module.so"]
        return paths.first { access($0, R_OK) == 0 }
    }

    var version: String { versionNumber(in: capture([binary, "-v"], in: "/tmp")) }

    func supports(_ transport: Scenario.Transport) -> Bool { true }

    func command(_ route: Route) throws -> [String] {
        let configuration = try templates.fill("nginx-\(route.transport.rawValue).cfg", route, threads: threads)
        return [
            binary, "-p", route.folder, "-e", "stderr", "-c", configuration, "-g", "load_module \(module); daemon off;",
        ]
    }
}

/// Envoy's TCP and UDP proxy filters.
struct Envoy: Peer {
    let name = "envoy"
    let title = "Envoy"
    let binary: String
    let threads: Int
    let templates: Templates

    /// Where `Benchmarks/run --with-envoy` puts it.
    static var installed: String? {
        let home = getenv("HOME").map { String(cString: $0) } ?? ""
        let cache = getenv("XDG_CACHE_HOME").map { String(cString: $0) } ?? home + "/.cache"
        let library = cache + "/portico-bench/envoy/lib"
        // The program itself, not the Python script that starts it.
        return names(in: library).map { "\(library)/\($0)/site-packages/envoy/_bin/envoy" }.first(where: isExecutable)
    }

    var version: String {
        // …version: HASH/1.40.0/Clean/RELEASE/BoringSSL
        versionNumber(in: capture([binary, "--version"], in: "/tmp"))
    }

    func supports(_ transport: Scenario.Transport) -> Bool { true }

    func command(_ route: Route) throws -> [String] {
        let configuration = try templates.fill("envoy-\(route.transport.rawValue).yaml", route, threads: threads)
        return [
            binary, "-c", configuration, "--concurrency", "\(threads)", "--disable-hot-restart", "--log-level", "error",
        ]
    }
}

/// The least a userspace proxy can do, as a C program: no rival but the limit.
struct CLimit: Peer {
    let name = "c-limit"
    let title = "C limit"
    let binary: String
    let threads: Int

    let version = ""

    func supports(_ transport: Scenario.Transport) -> Bool { true }

    func command(_ route: Route) -> [String] {
        let listens = route.listen.map(String.init).joined(separator: ",")
        return [binary, route.transport.rawValue, "\(threads)", listens, "\(route.backend)"]
    }
}
