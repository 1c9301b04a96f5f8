import Glibc
import Load

/// A Portico that is soaked: its present process, and those before it that still finish what they have begun.
final class SoakProxy {
    let name: String
    let traffic: SoakTraffic
    private let command: [String]
    private let folder: String
    private(set) var generation = 0
    private(set) var started = Clock.seconds
    private var process: Child
    private var former: [Child] = []

    /// Starts the first process, and the load once it serves.
    init(_ name: String, _ command: [String], in folder: String, traffic: () -> SoakTraffic) throws {
        (self.name, self.command, self.folder) = (name, command, folder)
        process = try Self.start(command, log: "\(folder)/\(name)-0.log")
        self.traffic = traffic()
    }

    /// Has a new process take over.
    func restart() throws {
        generation += 1
        let successor = try Self.start(command, log: "\(folder)/\(name)-\(generation).log")
        former.append(process)
        process = successor
        started = Clock.seconds
    }

    private static func start(_ command: [String], log: String) throws -> Child {
        let child = try Child(command, log: log)
        let deadline = Clock.seconds + 30
        while (contents(of: log) ?? "").split(separator: "\n").contains(where: { $0.contains(#""event":"listening""#) })
            == false
        {
            guard child.isRunning, Clock.seconds < deadline else {
                throw BenchFailure("\(command.joined(separator: " ")) does not serve:\n\(contents(of: log) ?? "")")
            }
            Clock.sleep(0.05)
        }
        return child
    }

    /// How the present process is now, and how many of the former ones are left.
    func sample() throws -> (descriptors: Int, memory: Int, former: Int) {
        guard process.isRunning else {
            throw BenchFailure("\(name), process \(process.pid), has ended by itself: \(end())")
        }
        former.removeAll { !$0.isRunning }
        let status = contents(of: "/proc/\(process.pid)/status") ?? ""
        let resident = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kilobytes = resident?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return (names(in: "/proc/\(process.pid)/fd").count, kilobytes << 10, former.count)
    }

    /// The last lines of the log.
    private func end() -> String {
        (contents(of: "\(folder)/\(name)-\(generation).log") ?? "").split(separator: "\n").suffix(5).joined(
            separator: "\n")
    }
}
