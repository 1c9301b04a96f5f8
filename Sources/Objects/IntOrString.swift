/// A `targetPort`: the number of a container port, or its name, which may stand for another number in each pod.
public enum IntOrString: Hashable, Sendable {
    case number(UInt16)
    case name(String)
}

extension IntOrString: Codable {
    /// A number in quotes is a name to an API server, and one that no container port can have, since a port name needs
    /// a letter; but people write it and mean the number. It is refused with words that say so.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        func invalid(_ found: String) -> DecodingError {
            .dataCorruptedError(
                in: container,
                debugDescription: "expected a number from 1 to 65535 or the name of a container port, found \(found)")
        }
        if let number = try? container.decode(Int.self) {
            guard let port = UInt16(exactly: number), port > 0 else { throw invalid("\(number)") }
            self = .number(port)
        } else if let text = try? container.decode(String.self) {
            guard text.utf8.contains(where: { (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) }) else {
                throw invalid("\"\(text)\"")
            }
            self = .name(text)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected a number from 1 to 65535 or the name of a container port")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .name(let name): try container.encode(name)
        }
    }
}

extension IntOrString: CustomStringConvertible {
    public var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .name(let name): name
        }
    }
}
