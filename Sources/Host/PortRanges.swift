/// Sets of ports as the kernel's settings have them: `8080,9148-9150`.
struct PortRanges: Equatable {
    /// In ascending order, with ports between any two.
    let ranges: [ClosedRange<UInt16>]

    init(_ ranges: [ClosedRange<UInt16>]) {
        self.ranges = ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, next in
            if let last = merged.last, Int(next.lowerBound) <= Int(last.upperBound) + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, next.upperBound)
            } else {
                merged.append(next)
            }
        }
    }

    /// What is no range is left out.
    init(_ text: String) {
        self.init(
            text.split(separator: ",").compactMap { part in
                let ends = part.split(separator: "-").map { UInt16($0.filter { !$0.isWhitespace }) }
                guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else { return nil }
                return first...last
            })
    }

    var count: Int { ranges.reduce(0) { $0 + $1.count } }

    func union(_ other: PortRanges) -> PortRanges { PortRanges(ranges + other.ranges) }

    /// Those of them that are in `range`.
    func within(_ range: ClosedRange<UInt16>) -> PortRanges {
        PortRanges(ranges.filter { $0.overlaps(range) }.map { $0.clamped(to: range) })
    }

    /// As the kernel writes and takes them.
    var text: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }

    /// Two ports with white space between them, as `ip_local_port_range` has them.
    static func bounds(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(whereSeparator: \.isWhitespace).compactMap { UInt16($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { return nil }
        return ends[0]...ends[1]
    }
}
