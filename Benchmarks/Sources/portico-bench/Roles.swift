import ArgumentParser
import CBench
import Glibc
import Load

/// The other roles this executable plays, in processes of their own. Not for people.
struct LoadRole: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "load", shouldDisplay: false)

    @Argument var specification: String

    func run() throws {
        _ = bench_raise_descriptor_limit()
        let spec = try JSON.decode(LoadSpec.self, from: specification)
        let result = Load.run(spec) {
            // The state is reached: say so, and keep it until told to go on.
            say("held")
            _ = readLine()
        }
        say(try JSON.encode(result))
        // Threads are still at work; nothing of theirs matters any more.
        _exit(0)
    }
}

struct BackendRole: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "backend", shouldDisplay: false)

    @Argument var specification: String

    func run() throws {
        _ = bench_raise_descriptor_limit()
        let spec = try JSON.decode(BackendSpec.self, from: specification)
        say(Backend.run(spec) { say("ready") })
    }
}

/// One line to whoever started us, at once.
private func say(_ line: String) {
    var bytes = Array((line + "\n").utf8)
    while !bytes.isEmpty {
        let count = write(1, bytes, bytes.count)
        guard count > 0 else { return }
        bytes.removeFirst(count)
    }
}
