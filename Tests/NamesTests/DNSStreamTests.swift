import Testing

@testable import Names

@Suite struct DNSStreamTests {
    private let one = query("a.b")
    private let two = query("c.d", .srv, edns: 1232)

    @Test(arguments: [1, 2, 3, 7, 1000]) func messagesComeInPiecesOrTogether(size: Int) {
        var stream = DNSStream()
        var found: [[UInt8]] = []
        var bytes = (DNSStream.framed(one) + DNSStream.framed(two) + DNSStream.framed(one))[...]
        while !bytes.isEmpty {
            stream.receive(bytes.prefix(size))
            bytes = bytes.dropFirst(size)
            while let message = stream.next() { found.append(message) }
        }
        #expect(found == [one, two, one])
        #expect(!stream.isHopeless)
    }

    @Test(arguments: [[0, 0], [0, 11], [16, 1], [71, 69]] as [[UInt8]]) func aWrongLengthIsTheEnd(length: [UInt8]) {
        var stream = DNSStream()
        stream.receive(length)
        #expect(stream.next() == nil)
        #expect(stream.isHopeless)
        stream.receive(DNSStream.framed(one))
        #expect(stream.next() == nil)
    }
}
