/// Some of all characters.
struct ScalarSet: Hashable, Sendable {
    private(set) var ranges: [ClosedRange<UInt32>]
    private(set) var isNegated = false

    init(_ ranges: [ClosedRange<UInt32>]) { self.ranges = ranges }

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    init(_ characters: String) { ranges = characters.unicodeScalars.map { $0.value...$0.value } }

    static let all = ScalarSet([0...0x10_FFFF])
    static let allButNewline = ScalarSet("\n").negated
    static let digit = ScalarSet([0x30...0x39])
    static let word = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = ScalarSet("\t\n\u{0C}\r ")

    /// Those of `[:name:]`; nil if there is no such name.
    static func named(_ name: String) -> ScalarSet? {
        switch name {
        case "alnum": ScalarSet([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
        case "alpha": ScalarSet([0x41...0x5A, 0x61...0x7A])
        case "ascii": ScalarSet([0...0x7F])
        case "blank": ScalarSet("\t ")
        case "cntrl": ScalarSet([0...0x1F, 0x7F...0x7F])
        case "digit": digit
        case "graph": ScalarSet([0x21...0x7E])
        case "lower": ScalarSet([0x61...0x7A])
        case "print": ScalarSet([0x20...0x7E])
        case "punct": ScalarSet([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
        case "space": ScalarSet("\t\n\u{0B}\u{0C}\r ")
        case "upper": ScalarSet([0x41...0x5A])
        case "word": word
        case "xdigit": ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
        default: nil
        }
    }

    var negated: ScalarSet {
        var set = self
        set.isNegated.toggle()
        return set
    }

    mutating func add(_ range: ClosedRange<UInt32>) { ranges.append(range) }

    /// - Precondition: this one is not negated.
    mutating func add(_ other: ScalarSet) {
        guard other.isNegated else {
            ranges += other.ranges
            return
        }
        // What is left between the ranges of the other.
        var next: UInt32 = 0
        for range in other.ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { ranges.append(next...range.lowerBound - 1) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10_FFFF { ranges.append(next...0x10_FFFF) }
    }

    /// With each letter of ASCII in both cases.
    var ignoringCase: ScalarSet {
        var set = self
        for (from, to) in [(UInt32(0x41)...0x5A, UInt32(0x61)), (0x61...0x7A, 0x41)] {
            for range in ranges where range.overlaps(from) {
                let common = range.clamped(to: from)
                set.ranges.append(to + common.lowerBound - from.lowerBound...to + common.upperBound - from.lowerBound)
            }
        }
        return set
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar.value) } != isNegated }
}
