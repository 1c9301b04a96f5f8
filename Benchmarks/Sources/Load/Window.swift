import CBench
import Glibc

/// The measured stretch of a run: warm-up, then two snapshots of everything a moment apart.
///
/// Only the snapshots' differences count, so threads needn't start or stop together, and the proxy's CPU time is taken
/// at the very moments the work is.
struct Window {
    let spec: LoadSpec
    let counters: Counters

    /// Which counters are this scenario's operations and bytes.
    var operations: Counters.Slot
    var bytes: Counters.Slot

    private struct Snapshot {
        var time: UInt64
        var operations, bytes, errors: UInt64
        /// Seconds.
        var proxyCPU, serverCPU, ourCPU: Double
        var machine: MachineTime
    }

    func run() -> LoadResult {
        sleep(seconds: spec.warmUp)
        counters[.recording] = 1
        let first = snapshot()
        wait()
        let last = snapshot()
        counters[.recording] = 0
        counters[.stop] = 1

        var result = LoadResult()
        result.seconds = Double(last.time - first.time) / 1e9
        result.operations = last.operations - first.operations
        result.bytes = last.bytes - first.bytes
        result.errors = last.errors - first.errors
        result.proxyCPU = last.proxyCPU - first.proxyCPU
        if spec.server != nil { result.serverCPU = last.serverCPU - first.serverCPU }
        let ours = last.ourCPU - first.ourCPU
        let capacity = result.seconds * Double(last.machine.cpus)
        result.othersShare = max(0, (last.machine.busy - first.machine.busy - ours) / capacity)
        return result
    }

    private func wait() {
        guard let total = spec.total else { return sleep(seconds: spec.seconds) }
        func done() -> UInt64 { counters[operations] + counters[.clientErrors] }
        let (end, first) = (now() + UInt64(spec.seconds * 1e9), done())
        while now() < end, done() - first < total { sleep(seconds: 0.002) }
    }

    private func snapshot() -> Snapshot {
        let proxy = spec.proxy.reduce(0) { $0 + processCPU($1) }
        let server = spec.server.map(processCPU) ?? 0
        let helpers = ([getpid()] + spec.helpers).reduce(0) { $0 + processCPU($1) }
        return Snapshot(
            time: now(), operations: counters[operations], bytes: counters[bytes], errors: counters[.clientErrors],
            proxyCPU: proxy, serverCPU: server, ourCPU: proxy + server + helpers + kernelThreadCPU(),
            machine: MachineTime.now())
    }
}

/// User and system seconds of a process, all its threads; 0 if it is gone.
func processCPU(_ process: Int32) -> Double {
    Double(max(0, bench_cpu_nanoseconds(process))) / 1e9
}

/// The machine's busy time since boot, from /proc/stat.
public struct MachineTime: Sendable {
    /// Seconds in which any CPU did anything but wait, time stolen by the hypervisor included.
    public private(set) var busy: Double = 0
    public private(set) var cpus = 0

    public static func now() -> MachineTime {
        var time = MachineTime()
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        for line in readAll("/proc/stat").split(separator: "\n") where line.hasPrefix("cpu") {
            let fields = line.split(separator: " ")
            guard fields.count > 8 else { continue }
            if fields[0] != "cpu" {
                time.cpus += 1
                continue
            }
            // user nice system (idle iowait) irq softirq steal
            time.busy = [1, 2, 3, 6, 7, 8].reduce(0) { $0 + (Double(fields[$1]) ?? 0) } / ticks
        }
        return time
    }
}

/// CPU seconds of the softirq threads, to which the kernel moves loopback's packet work under load: ours, not others'.
///
/// The load runs in a process namespace that doesn't show them, so whoever made the namespace opened their files before
/// and left the descriptors' numbers in the environment.
func kernelThreadCPU() -> Double {
    guard let list = getenv("PORTICO_BENCH_SOFTIRQ") else { return 0 }
    return String(cString: list).split(separator: ",").compactMap { Int32($0) }.reduce(0) { sum, descriptor in
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return sum }
        let running = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ").first
        return sum + (running.flatMap { Double($0) } ?? 0) / 1e9
    }
}

/// A small file's contents, empty if it can't be read.
func readAll(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        guard count > 0 else { break }
        contents.append(contentsOf: chunk[..<count])
    }
    return String(decoding: contents, as: UTF8.self)
}
