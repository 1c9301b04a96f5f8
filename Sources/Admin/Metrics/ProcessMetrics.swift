internal import Glibc

/// What the kernel knows of this process, under the names that all programs with Prometheus metrics have.
enum ProcessMetrics {
    static func write(to text: inout MetricText) {
        guard let fields = statFields() else { return }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        // Fields are counted from the one behind the name, which is the third (proc(5)).
        func number(_ field: Int) -> Double { fields.indices.contains(field - 3) ? Double(fields[field - 3]) ?? 0 : 0 }
        text.value(
            "process_cpu_seconds", .counter, "CPU time of the process, of the user and of the system.",
            (number(14) + number(15)) / ticks)
        text.value("process_threads", .gauge, "Threads of the process.", Int(number(20)))
        text.value("process_virtual_memory_bytes", .gauge, "Address space of the process.", Int(number(23)))
        text.value(
            "process_resident_memory_bytes", .gauge, "Memory of the process.", Int(number(24)) * Int(getpagesize()))
        if let boot = bootTime {
            text.value(
                "process_start_time_seconds", .gauge, "When the process began, in seconds since 1970.",
                boot + number(22) / ticks)
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 {
            text.value("process_max_fds", .gauge, "How many files the process may have open.", UInt64(limit.rlim_cur))
        }
        text.value("process_open_fds", .gauge, "Files, sockets and pipes that it has open.", openFiles)
    }

    /// Behind the name, which may have anything in it.
    private static func statFields() -> [Substring]? {
        guard let line = contents(of: "/proc/self/stat"), let end = line.lastIndex(of: ")") else { return nil }
        return line[line.index(after: end)...].split(separator: " ")
    }

    private static let bootTime: Double? = contents(of: "/proc/stat")?.split(separator: "\n")
        .first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst("btime ".count)) }

    private static var openFiles: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without `.`, `..` and the folder itself.
        return max(0, count - 3)
    }

    private static func contents(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}
