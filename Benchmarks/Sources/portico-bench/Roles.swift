import CBench
import Glibc
import Load

/// The other roles this executable plays, in processes of their own that are started with a specification as JSON.
enum Role: String {
    case load = "role-load"
    case backend = "role-backend"
    case scraper = "role-scraper"

    func arguments(_ specification: some Encodable) throws -> [String] {
        [ownExecutable, rawValue, try JSON.encode(specification)]
    }

    /// Plays the role to its end; never returns.
    func play(_ specification: String) -> Never {
        _ = bench_raise_descriptor_limit()
        do {
            switch self {
            case .load:
                let result = Load.run(try JSON.decode(LoadSpec.self, from: specification)) {
                    // The state is reached: say so, and keep it until told to go on.
                    say("held")
                    _ = readLine()
                }
                say(try JSON.encode(result))
            case .backend:
                say(Backend.run(try JSON.decode(BackendSpec.self, from: specification)) { say("ready") })
            case .scraper:
                say(try JSON.encode(Scraper.run(try JSON.decode(ScraperSpec.self, from: specification))))
            }
        } catch {
            say("\(error)")
        }
        // Threads are still at work; nothing of theirs matters any more.
        _exit(0)
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
}
