public import Base

extension IPAddress: Codable {
    /// Reads any spelling that `init?(_:)` accepts.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let address = IPAddress(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected an IP address, found \"\(text)\"")
        }
        self = address
    }

    /// Writes the canonical form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension TransportProtocol: Codable {}
