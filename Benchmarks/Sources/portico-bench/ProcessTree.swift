import CBench
import Glibc

/// A proxy as the kernel accounts for it: the process we started and all its descendants.
struct ProcessTree {
    let processes: [Int32]

    init(root: Int32) {
        var parents: [Int32: Int32] = [:]
        for name in names(in: "/proc") {
            guard let process = Int32(name), let status = contents(of: "/proc/\(name)/stat"),
                // The name in parentheses may hold anything: what follows the last one counts.
                let end = status.lastIndex(of: ")")
            else { continue }
            let fields = status[status.index(after: end)...].split(separator: " ")
            if fields.count > 1, let parent = Int32(fields[1]) { parents[process] = parent }
        }
        var found = [root]
        var position = 0
        while position < found.count {
            found += parents.filter { $0.value == found[position] }.keys.sorted()
            position += 1
        }
        processes = found
    }

    /// Every thread of every process to one CPU.
    func pin(to cpu: Int) {
        for process in processes {
            for thread in names(in: "/proc/\(process)/task") {
                if let thread = Int32(thread) { _ = bench_pin(thread, Int32(cpu)) }
            }
        }
    }

    /// User and system seconds of all processes so far.
    var cpu: Double { processes.reduce(0) { $0 + Double(max(0, bench_cpu_nanoseconds($1))) / 1e9 } }

    /// Bytes of memory that would be free again without it.
    var privateBytes: Int { sum("smaps_rollup", "Private_Dirty:") }

    /// Bytes in memory; what processes share counts in each, as in ps.
    var residentBytes: Int { sum("status", "VmRSS:") }

    private func sum(_ file: String, _ field: String) -> Int {
        processes.reduce(0) { total, process in
            let text = contents(of: "/proc/\(process)/\(file)") ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix(field) }
            let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            return total + kilobytes << 10
        }
    }

    /// Open descriptors, and how many of them are ends of pipes.
    var descriptors: (all: Int, pipes: Int) {
        var all = 0
        var pipes = 0
        for process in processes {
            for name in names(in: "/proc/\(process)/fd") {
                all += 1
                if target(of: "/proc/\(process)/fd/\(name)")?.hasPrefix("pipe:") == true { pipes += 1 }
            }
        }
        return (all, pipes)
    }
}
