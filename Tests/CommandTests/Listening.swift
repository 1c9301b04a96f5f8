import Foundation

/// The line that tells what is served, as far as tests read it.
struct Listening: Decodable {
    struct Port: Decodable {
        struct Endpoint: Decodable { let pod: String }
        let service: String
        let name: String
        let namespace: String
        let port: UInt16
        let `protocol`: String
        let addresses: [String]
        let endpoints: [Endpoint]
        let reason: String?
    }
    let services: [Port]
    let problems: [String]
    let servedServices: Int
    let allServices: Int
}

extension DevProcess {
    /// Waits for it, with `--output json`.
    func listening() async throws -> Listening {
        try await JSONDecoder().decode(Listening.self, from: Data(line("listening").utf8))
    }
}
