/// What a DNS server said, as the program `dig` understands it. A test that uses it requires `.tool("dig")`.
public struct Dig: Sendable {
    /// `NOERROR`, `NXDOMAIN` and so on; empty if there was no answer.
    public let status: String
    /// `qr`, `aa` and so on.
    public let flags: [String]
    /// The records of the answer, their fields with one space between them.
    public let answers: [String]
    /// All that it printed, for failure messages.
    public let text: String

    /// The last fields of the answers: addresses and the like.
    public var values: [String] { answers.compactMap { $0.split(separator: " ").last.map(String.init) } }

    /// Asks the server at `host`:`port`, with `dig`'s own options and arguments, such as `web.default`,
    /// `SRV`, `+tcp`.
    public static func ask(
        _ arguments: [String], port: UInt16, on host: String = "127.0.0.1", within limit: Duration = .seconds(30)
    ) async throws -> Dig {
        guard let program = findProgram("dig") else { throw PeerError.unexpected("dig is not installed") }
        let options = ["@\(host)", "-p", "\(port)", "+noall", "+comments", "+answer", "+tries=1", "+time=10"]
        // Without a home it reads no settings of whoever runs the tests.
        let child = try ChildProcess(program, options + arguments, environment: ["HOME": ""])
        child.closeInput()
        return Dig(try await child.finished(within: limit).output)
    }

    private init(_ text: String) {
        let lines = text.split(separator: "\n")
        func word(after mark: String, until end: Character) -> String {
            for line in lines where line.hasPrefix(";;") {
                guard let range = line.firstRange(of: mark) else { continue }
                return String(line[range.upperBound...].prefix { $0 != end })
            }
            return ""
        }
        status = word(after: "status: ", until: ",")
        flags = word(after: "flags: ", until: ";").split(separator: " ").map(String.init)
        answers = lines.filter { !$0.hasPrefix(";") }.map {
            $0.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
        }
        self.text = text
    }
}
