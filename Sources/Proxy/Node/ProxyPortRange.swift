/// The ports that the proxy may listen on for redirected traffic: `--proxy-port-range` (docs/behaviour.md, B8.1).
public struct ProxyPortRange: Hashable, Sendable, CustomStringConvertible {
    public var ports: ClosedRange<UInt16>

    /// Ten thousand and more, below the kernel's ephemeral ports (32768 and up) and the node ports, so that neither can
    /// take them away.
    public static let standard = ProxyPortRange(ports: 18_000...29_999)
    /// Where an API server takes node ports from, unless told otherwise.
    public static let standardNodePorts: ClosedRange<UInt16> = 30_000...32_767

    public init(ports: ClosedRange<UInt16>) {
        self.ports = ports
    }

    /// Parses `20000-29999`, `20000+9999` or `20000`, with spaces around it. Empty, `0` and `0-0`, which let the
    /// original take whatever the kernel gave, stand for ``standard``: ports should survive a restart.
    ///
    /// - Returns: nil if it is none of these.
    public init?(_ text: some StringProtocol) {
        let trimmed = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        func port(_ text: some StringProtocol) -> UInt16? {
            text.allSatisfy { ("0"..."9").contains($0) } ? UInt16(String(text)) : nil
        }
        if trimmed.isEmpty {
            self = .standard
            return
        }
        let separator = trimmed.first { $0 == "-" || $0 == "+" }
        let parts = trimmed.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == separator }
        guard let first = port(parts[0]), let second = parts.count == 2 ? port(parts[1]) : first else { return nil }
        let last = separator == "+" ? UInt32(first) + UInt32(second) : UInt32(second)
        guard last >= first, last <= 65_535 else { return nil }
        self = first == 0 ? .standard : ProxyPortRange(ports: first...UInt16(last))
    }

    public var description: String { "\(ports.lowerBound)-\(ports.upperBound)" }
}
