import TestSupport
import Testing

@Suite struct StreamTests {
    @Test func checksumDoesNotDependOnTheCut() {
        let bytes = BytePattern(seed: 1).prefix(100_003)
        for step in [1, 7, 8, 4096, 8192, 99_999] {
            var checksum = StreamChecksum()
            bytes.withUnsafeBytes { all in
                for start in stride(from: 0, to: all.count, by: step) {
                    checksum.update(UnsafeRawBufferPointer(rebasing: all[start..<min(start + step, all.count)]))
                }
            }
            #expect(checksum.count == bytes.count)
            #expect(checksum.value == StreamChecksum.of(bytes), "in steps of \(step)")
        }
    }

    @Test func checksumSeesOrderLossAndTrailingZeros() {
        let bytes = BytePattern(seed: 2).prefix(20_000)
        var swapped = bytes
        swapped.swapAt(3, 19_000)
        let sums = [bytes, swapped, Array(bytes.dropLast()), bytes + [0], bytes + [0, 0]].map(StreamChecksum.of)
        #expect(Set(sums).count == sums.count)
    }

    @Test func patternIsDeterminedByItsSeed() {
        #expect(BytePattern(seed: 3).prefix(1000) == BytePattern(seed: 3).prefix(1000))
        #expect(BytePattern(seed: 3).prefix(1000) != BytePattern(seed: 4).prefix(1000))
        #expect(
            StreamChecksum.of(BytePattern(seed: 3), count: 200_000)
                == StreamChecksum.of(BytePattern(seed: 3).prefix(200_000)))
    }
}
