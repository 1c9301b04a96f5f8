import CBench
import Glibc
import Load
import Measure

/// A `portico daemon` that is measured, with what the kernel says about it.
final class ScaleProxy {
    /// A line of `--output json`.
    struct Event: Decodable {
        var event: String
        var services: Int?
        var inForce: Bool?
    }

    /// What has been used up to a moment, in seconds.
    struct Usage {
        var time: Double
        /// Of all threads, those that have ended included.
        var own: Double
        var children: Double
        private var machine: MachineTime
        private var bench: Double

        fileprivate init(_ process: Int32) {
            time = Clock.seconds
            own = Double(max(0, bench_cpu_nanoseconds(process))) / 1e9
            // utime stime cutime cstime are the fields 14 to 17; the name before may hold anything.
            let status = contents(of: "/proc/\(process)/stat") ?? ""
            let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
            let ticks = fields.count > 15 ? (Double(fields[14]) ?? 0) + (Double(fields[15]) ?? 0) : 0
            children = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
            machine = MachineTime.now()
            bench = Double(max(0, bench_cpu_nanoseconds(getpid()))) / 1e9
        }

        /// The share of the machine that neither the daemon nor this program has used since.
        func othersShare(since first: Usage) -> Double {
            let ours = own + children + bench - first.own - first.children - first.bench
            let all = (time - first.time) * Double(max(1, machine.cpus))
            return max(0, (machine.busy - first.machine.busy - ours) / all)
        }
    }

    let started: Double
    private let process: Child
    private let log: String

    init(_ binary: String, folder: String, syncPeriod: Int, log: String) throws {
        self.log = log
        started = Clock.seconds
        process = try Child(
            [
                binary, "daemon", "-f", folder, "--output", "json", "--hostname-override", "scale",
                "--iptables-sync-period", "\(syncPeriod)s", "--conntrack-max-per-core=0",
            ], log: log, talk: true)
    }

    var usage: Usage { Usage(process.pid) }

    /// Waits for what says that so many Services are in force, and returns when it came.
    @discardableResult func wait(for name: String, services: Int, within seconds: Double = 120) throws -> Double {
        let deadline = Clock.seconds + seconds
        while let line = process.line(timeout: deadline - Clock.seconds) {
            guard let event = try? JSON.decode(Event.self, from: line) else { continue }
            // At first rules may lack, and follow.
            if [name, "changed"].contains(event.event), event.services == services, event.inForce == true {
                return Clock.seconds
            }
        }
        let end = (contents(of: log) ?? "").split(separator: "\n").suffix(5).joined(separator: "\n")
        throw BenchFailure("no '\(name)' with \(services) Services after \(Format.fixed(seconds, 0)) s:\n\(end)")
    }

    /// Forgets lines that nobody waits for.
    func forgetLines() { while process.line(timeout: 0) != nil {} }

    /// Waits until the process has just looked at its files: it has used CPU, and then none for a while. So a window from one
    /// such moment to another has as many looks as its length has poll intervals, and not one more or less.
    func settle() {
        func cpu() -> Int64 { bench_cpu_nanoseconds(process.pid) }
        let deadline = Clock.seconds + 2
        var (last, lastChange, hasMoved) = (cpu(), Clock.seconds, false)
        while Clock.seconds < deadline {
            Clock.sleep(0.002)
            let now = cpu()
            // A timer that ticks is no look.
            if now - last > 30_000 {
                hasMoved = true
                lastChange = Clock.seconds
            }
            last = now
            if hasMoved, Clock.seconds - lastChange > 0.03 { return }
        }
    }

    /// Bytes, from /proc/PID/status: VmRSS or VmHWM.
    func memory(_ field: String) -> Double {
        let lines = (contents(of: "/proc/\(process.pid)/status") ?? "").split(separator: "\n")
        let kilobytes = lines.first { $0.hasPrefix(field + ":") }?.split(separator: " ").dropFirst().first
        return (kilobytes.flatMap { Double($0) } ?? 0) * 1024
    }

    var isRunning: Bool { process.isRunning }

    func end() { process.end() }
}
