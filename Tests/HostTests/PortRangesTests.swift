import TestSupport
import Testing

@testable import Host

@Suite("Sets of ports as the kernel writes them") struct PortRangesTests {
    @Test(
        "What touches or overlaps is one range, in ascending order",
        arguments: [
            ("", ""), ("\n", ""), ("8080", "8080"), ("8080,8081", "8080-8081"), ("8081,8080", "8080-8081"),
            ("1-10,5-6", "1-10"), ("1-10,11-20", "1-20"), ("1-10,12-20", "1-10,12-20"), ("5,1-10,5", "1-10"),
            ("65535,0", "0,65535"), ("65534-65535,65535", "65534-65535"), ("0-65535,7", "0-65535"),
            (" 80 , 90 - 91 ", "80,90-91"),
            // What is no range is left out.
            ("80,x,90", "80,90"), ("9-8", ""), ("65536", ""), (",,", ""),
        ])
    func text(_ text: String, _ expected: String) {
        #expect(PortRanges(text).text == expected)
        #expect(PortRanges(PortRanges(text).text) == PortRanges(text), "it is read back as the same")
    }

    @Test("A part of them, and how many they are")
    func parts() {
        let ranges = PortRanges([80...80, 1000...1999, 3000...3000])
        #expect(ranges.count == 1002)
        #expect(ranges.within(1500...3000).text == "1500-1999,3000")
        #expect(ranges.within(81...999).text == "" && ranges.within(81...999).count == 0)
        #expect(ranges.union(PortRanges([2000...2999])).text == "80,1000-3000")
        #expect(ranges.union(PortRanges([])) == ranges)
    }

    @Test(
        "Two ports with blanks between them are bounds",
        arguments: [
            ("32768\t60999", 32768...60999), ("1 1\n", 1...1), ("", nil), ("1", nil), ("2 1", nil), ("1 2 3", nil),
            ("a b", nil), ("1 65536", nil),
        ] as [(String, ClosedRange<UInt16>?)])
    func bounds(_ text: String, _ expected: ClosedRange<UInt16>?) {
        #expect(PortRanges.bounds(text) == expected)
    }

    /// Against the ports one by one.
    @Test("Whatever is put together, no port is lost and none is added", arguments: 1...20 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var random = SeededRandom(seed)
        func some() -> [ClosedRange<UInt16>] {
            (0..<Int.random(in: 0...6, using: &random)).map { _ in
                let first = UInt16.random(in: 0...60, using: &random)
                return first...(first + UInt16.random(in: 0...9, using: &random))
            }
        }
        let (one, other) = (some(), some())
        let window = UInt16(10)...UInt16(40)
        func ports(_ ranges: [ClosedRange<UInt16>]) -> Set<UInt16> { Set(ranges.flatMap { Array($0) }) }
        let union = PortRanges(one).union(PortRanges(other))
        #expect(ports(union.ranges) == ports(one).union(ports(other)) && union.count == ports(one + other).count)
        #expect(ports(union.within(window).ranges) == ports(one + other).intersection(window))
        for (range, next) in zip(union.ranges, union.ranges.dropFirst()) {
            #expect(range.upperBound + 1 < next.lowerBound, "they do not touch: \(union.text)")
        }
    }
}
