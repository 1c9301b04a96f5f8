import Glibc
import Measure

/// Where and under which conditions the figures came about.
enum Machine {
    static func describe(_ sandbox: Sandbox, threads: Int) -> [String: String] {
        var system = utsname()
        uname(&system)
        let release = withUnsafePointer(to: &system.release) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
        }
        let model = (contents(of: "/proc/cpuinfo") ?? "").split(separator: "\n")
            .first { $0.hasPrefix("model name") }?
            .split(separator: ":", maxSplits: 1).last?.drop { $0 == " " }
        return [
            "machine": "\(model ?? "unknown CPU"), \(threads) CPUs",
            "kernel": "Linux \(release)",
            "congestion control": sandbox.congestionControl,
            "isolation": sandbox.isolated
                ? "network namespace of its own" : "none (--no-namespace): figures depend on the machine's settings",
            "threads": "\(threads) per proxy, load and backend in processes of their own",
        ]
    }
}

/// Tells on standard error how far the run is: one line that changes on a terminal, one per scenario elsewhere.
struct Progress {
    private let terminal = isatty(2) == 1
    private var title = ""
    private let start = Clock.seconds

    mutating func begin(_ number: String, _ scenario: String) {
        title = "[\(number)] \(scenario)"
        if terminal { step("") } else { show("\(title)\n") }
    }

    func step(_ what: String) {
        guard terminal else { return }
        let elapsed = Int(Clock.seconds - start)
        let seconds = String(elapsed % 60)
        show("\r\u{1b}[K\(elapsed / 60):\(seconds.count < 2 ? "0" : "")\(seconds) \(title)  \(what)")
    }

    func end() { if terminal { show("\r\u{1b}[K") } }

    private func show(_ text: String) { _ = Glibc.write(2, text, text.utf8.count) }
}
