/// Ranges of ports as the kernel's settings have them: `8080,9148-9150`.
struct PortRanges {
    let ranges: [ClosedRange<UInt16>]

    /// What is no range is left out.
    init(_ text: String) {
        ranges = text.split(separator: ",").compactMap { part in
            let ends = part.split(separator: "-").map { UInt16($0.filter { !$0.isWhitespace }) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else { return nil }
            return first...last
        }
    }

    /// Whether all ports of a range are among them.
    func contain(_ range: ClosedRange<UInt16>) -> Bool {
        range.allSatisfy { port in ranges.contains { $0.contains(port) } }
    }

    /// Two ports with white space between them, as `ip_local_port_range` has them.
    static func bounds(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(whereSeparator: \.isWhitespace).compactMap { UInt16($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { return nil }
        return ends[0]...ends[1]
    }
}
