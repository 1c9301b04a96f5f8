import CBench
import Glibc

/// The API server that a tunnel goes through: `Peers/port-forward-server`, with a kubeconfig that leads to it.
struct PortForwardServer {
    static let pods = 3

    let child: Child
    let kubeconfig: String

    /// - Parameter targets: where the ports 80, 81, … of the Service `web` lead to.
    init(at port: UInt16, for peer: String, targets: [UInt16], threads: Int, folder: String) throws {
        let binary = try Self.binary
        let log = "\(folder)/port-forward-server.log"
        child = try Child(
            [binary, "\(port)", "\(threads)", "\(Self.pods)", targets.map { "\($0)" }.joined(separator: ",")], log: log)
        kubeconfig = "\(folder)/\(peer)-\(port).kubeconfig"
        // Plain HTTP: TLS would cost everybody the same, in libraries that nobody here has written.
        try write(
            """
            {"apiVersion": "v1", "kind": "Config", "current-context": "bench",
             "clusters": [{"name": "bench", "cluster": {"server": "http://127.0.0.1:\(port)"}}],
             "users": [{"name": "bench", "user": {}}],
             "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench", "namespace": "default"}}]}

            """, to: kubeconfig)
        let deadline = Clock.seconds + 5
        while true {
            let probe = bench_tcp_connect(port, 0)
            if probe >= 0 {
                close(probe)
                return
            }
            guard Clock.seconds < deadline, child.isRunning else {
                throw BenchFailure("port-forward-server does not listen: \(contents(of: log) ?? "")")
            }
            Clock.sleep(0.001)
        }
    }

    private static var binary: String {
        get throws {
            let path = try Templates().folder + "/../.build/port-forward-server"
            guard isExecutable(path) else {
                throw BenchFailure("port-forward-server is not built (Benchmarks/run does it, with cc and zlib)")
            }
            return path
        }
    }
}
