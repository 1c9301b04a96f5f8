import CBench
import Glibc

/// The surroundings of a run: a network namespace with nothing but loopback, a scratch folder, and the certainty that
/// neither outlives the run.
struct Sandbox {
    let isolated: Bool
    /// Scratch folder for configurations, logs and the shared counters.
    let folder: String
    let congestionControl: String

    var countersPath: String { folder + "/counters" }
    /// For a second load beside the first.
    var secondCountersPath: String { folder + "/counters-2" }

    /// Forks. The parent waits, removes the folder and exits with the child's status; only the child returns.
    static func enter(isolated: Bool) throws -> Sandbox {
        var template = Array("/tmp/portico-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw BenchFailure("no scratch folder in /tmp") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Peers may drop root and must still reach their configuration.
        chmod(folder, 0o755)
        shareSoftirqThreads()

        let child = bench_supervise(isolated ? 1 : 0)
        if child < 0 {
            rmdir(folder)
            throw BenchFailure(
                "no namespace (\(String(cString: strerror(-child)))): "
                    + "use --no-namespace to measure in the network as it is")
        }
        if child > 0 {
            let status = bench_supervise_wait(child)
            removeFlat(folder)
            exit(status)
        }

        bench_exit_on_signals()
        _ = bench_raise_descriptor_limit()
        if isolated {
            guard bench_loopback_up() == 0 else { throw BenchFailure("loopback can't be set up") }
            // bbr paces on loopback, which hides what a proxy costs. reno is in every kernel.
            set("net/ipv4/tcp_congestion_control", "reno")
            set("net/core/somaxconn", "8192")
            set("net/ipv4/tcp_max_syn_backlog", "8192")
            // Short connections leave their ports in TIME_WAIT for a second; listeners stay below.
            set("net/ipv4/ip_local_port_range", "\(Ports.end) 65535")
        }
        let control = contents(of: "/proc/sys/net/ipv4/tcp_congestion_control") ?? "unknown"
        return Sandbox(isolated: isolated, folder: folder, congestionControl: String(control.prefix { $0 != "\n" }))
    }

    private static func set(_ name: String, _ value: String) {
        try? write(value, to: "/proc/sys/" + name)
    }

    /// Opens the softirq threads' accounts while they can still be seen: inside the namespace they can't.
    private static func shareSoftirqThreads() {
        var descriptors: [String] = []
        for name in names(in: "/proc") where Int32(name) != nil {
            guard let command = contents(of: "/proc/\(name)/comm"), command.hasPrefix("ksoftirqd/") else { continue }
            // Without close-on-exec: the roles read them.
            let descriptor = open("/proc/\(name)/schedstat", O_RDONLY)
            if descriptor >= 0 { descriptors.append(String(descriptor)) }
        }
        setenv("PORTICO_BENCH_SOFTIRQ", descriptors.joined(separator: ","), 1)
    }

    /// Removes the folder and what is in it; peers put sockets and logs there, but no folders of consequence.
    private static func removeFlat(_ folder: String) {
        for name in names(in: folder) {
            if unlink(folder + "/" + name) != 0 && errno == EISDIR { removeFlat(folder + "/" + name) }
        }
        rmdir(folder)
    }
}

/// Hands out ports for listeners, none twice, so that no leftover of an earlier peer stands in the way.
struct Ports {
    static let end: UInt16 = 4000
    private var next: UInt16 = 1100

    mutating func take() throws -> UInt16 {
        while next < Self.end {
            defer { next += 1 }
            // Outside a namespace somebody else may have it.
            let probe = bench_tcp_listen(next, 1)
            if probe >= 0 {
                close(probe)
                return next
            }
        }
        throw BenchFailure("no free port left below \(Self.end)")
    }
}
