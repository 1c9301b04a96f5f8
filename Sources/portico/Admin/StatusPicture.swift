import Admin
import Documents
import KubernetesAPI

/// How things stand with a process that serves, as `/status` tells it (docs/status.md).
struct StatusPicture: Decodable, Sendable {
    struct Counters: Decodable, Sendable, Equatable {
        var open = 0
        var accepted = 0
        var refused = 0
        var broken = 0
        var dialFailures = 0
        var bytesUp = 0
        var bytesDown = 0

        private enum CodingKeys: CodingKey {
            case open, accepted, refused, broken, dialFailures, bytesUp, bytesDown
        }

        /// Whoever answers may say anything; what is calculated with these must not overflow.
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func count(_ key: CodingKeys) throws -> Int {
                StatusPicture.sane(try container.decode(Int.self, forKey: key))
            }
            open = try count(.open)
            accepted = try count(.accepted)
            refused = try count(.refused)
            broken = try count(.broken)
            dialFailures = try count(.dialFailures)
            bytesUp = try count(.bytesUp)
            bytesDown = try count(.bytesDown)
        }
    }

    fileprivate static func sane(_ count: Int) -> Int { min(max(count, 0), 1 << 58) }

    struct Rules: Decodable, Sendable, Equatable {
        var inForce: Bool
        var none: Bool
        var families: [String]
    }

    struct Problem: Decodable, Sendable, Equatable {
        var severity: String
        var subject: String
        var text: String
    }

    struct Address: Decodable, Sendable, Equatable {
        var kind: String
        var address: String
    }

    struct Door: Decodable, Sendable, Equatable {
        var wanted: String
        var address: String?
        var problem: String?
    }

    struct Endpoint: Decodable, Sendable, Equatable {
        var address: String
        var pod: String
        var local: Bool
        var state: String
        var open: Int

        var isReady: Bool { state == "ready" }
    }

    struct Port: Decodable, Sendable, Equatable {
        var service: String
        var portName: String
        var `protocol`: String
        var family: String
        var policy: String
        var addresses: [Address]
        var listening: [Door]
        var endpoints: [Endpoint]
        var counters: Counters
        var reason: String?
    }

    struct Service: Decodable, Sendable, Equatable {
        var namespace: String
        var name: String
        var ports: [Port]
    }

    var schema: Int
    var command: String
    var version: String
    var node: String?
    var mode: String
    var pid: Int
    var phase: String
    var totals: Counters
    var rules: Rules?
    var servedServices: Int
    var allServices: Int
    var problemCount: Int
    /// Nil from a process of before it was told.
    var errorCount: Int?
    var problems: [Problem]
    var services: [Service]

    /// What a status of any form has.
    private struct Form: Decodable {
        var schema: Int
    }

    private struct OtherForm: Error {
        let schema: Int
    }

    /// - Throws: why it is none, for people.
    init(json: [UInt8]) throws(CommandFailure) {
        do {
            let tree = try json.withUnsafeBufferPointer { text in
                var (position, line) = (0, 1)
                return try JSONReader.readDocument(text, position: &position, line: &line)
            }
            guard let tree, let root = tree.root else { throw CommandFailure("it says nothing") }
            let decoder = TreeDecoder(document: TreeDecoder.Document(tree), node: root)
            let form = try Form(from: decoder).schema
            guard form == 1 else { throw OtherForm(schema: form) }
            self = try StatusPicture(from: decoder)
            problemCount = Self.sane(problemCount)
            for service in services.indices {
                for port in services[service].ports.indices {
                    for endpoint in services[service].ports[port].endpoints.indices {
                        let open = services[service].ports[port].endpoints[endpoint].open
                        services[service].ports[port].endpoints[endpoint].open = Self.sane(open)
                    }
                }
            }
        } catch let other as OtherForm {
            throw CommandFailure(
                "its status has the form \(other.schema), and this version knows 1: use the program of its version")
        } catch {
            throw CommandFailure("what it says is no status that this version knows: \(error)")
        }
    }

    /// It serves, and all is served as it was asked for. Of many problems not all are listed.
    var isWell: Bool {
        phase == "serving" && (errorCount ?? problems.count { $0.severity == "error" }) == 0
    }

    /// Asks for it.
    ///
    /// - Parameter service: `namespace/name`; nil for all.
    static func ask(
        _ client: AdminClient, service: String? = nil
    ) async throws(CommandFailure) -> (picture: StatusPicture, json: [UInt8]) {
        let json: [UInt8]
        do throws(AdminClient.Failure) {
            json = try await client.get("/status" + (service.map { "?service=\($0.percentEncoded)" } ?? ""))
        } catch {
            throw CommandFailure("\(error)")
        }
        return (try StatusPicture(json: json), json)
    }
}

extension StatusPicture.Port {
    /// Where clients reach it: by rules, or where it listens.
    var places: [String] {
        if !addresses.isEmpty {
            return addresses.map { $0.kind == "cluster IP" ? $0.address : "\($0.address) (\($0.kind))" }
        }
        return listening.map { door in
            guard let address = door.address else { return "(\(door.wanted) failed)" }
            return address == door.wanted ? address : "\(address) (for \(door.wanted))"
        }
    }

    var usable: Int { endpoints.count(where: \.isReady) }
}
