import Base
import TestSupport
import Testing

@testable import Cluster

@Suite("Which numbered things have an address") struct AddressIndexTests {
    private var index = AddressIndex()

    private func found(_ address: IPAddress) -> [UInt32] { index.numbers(at: address).sorted() }

    @Test("A thing is found at each of its addresses, of both families, until it is taken out there")
    mutating func several() {
        for text in ["10.0.0.1", "fd00::1"] { index.insert(ip(text), 7) }
        #expect(found(ip("10.0.0.1")) == [7] && found(ip("fd00::1")) == [7] && found(ip("10.0.0.2")).isEmpty)
        index.remove(ip("10.0.0.1"), 7)
        #expect(found(ip("10.0.0.1")).isEmpty && found(ip("fd00::1")) == [7])
    }

    @Test("Things that share an address are all found there, and each goes by itself", arguments: [0, 1, 2])
    mutating func shared(_ first: UInt32) {
        for number: UInt32 in 0...2 { index.insert(ip("10.0.0.1"), number) }
        #expect(found(ip("10.0.0.1")) == [0, 1, 2])
        index.remove(ip("10.0.0.1"), first)
        #expect(found(ip("10.0.0.1")) == [0, 1, 2].filter { $0 != first })
        for number: UInt32 in 0...2 where number != first { index.remove(ip("10.0.0.1"), number) }
        #expect(found(ip("10.0.0.1")).isEmpty)
        index.insert(ip("10.0.0.1"), 9)
        #expect(found(ip("10.0.0.1")) == [9])
    }

    @Test("What was put in twice is there until it was taken out twice")
    mutating func twice() {
        for _ in 0..<2 { index.insert(ip("10.0.0.1"), 7) }
        #expect(found(ip("10.0.0.1")) == [7], "and is found once")
        index.remove(ip("10.0.0.1"), 7)
        #expect(found(ip("10.0.0.1")) == [7])
        index.remove(ip("10.0.0.1"), 7)
        #expect(found(ip("10.0.0.1")).isEmpty)
    }

    @Test("To take out what is not there takes out nothing else")
    mutating func absent() {
        index.remove(ip("10.0.0.1"), 7)
        index.insert(ip("10.0.0.1"), 7)
        index.remove(ip("10.0.0.1"), 8)
        index.remove(ip("10.0.0.2"), 7)
        #expect(found(ip("10.0.0.1")) == [7])
        index.insert(ip("10.0.0.1"), 9)
        index.remove(ip("10.0.0.1"), 8)
        #expect(found(ip("10.0.0.1")) == [7, 9])
    }

    @Test("The place of those that shared one address does not remember them when others share another")
    mutating func places() {
        for number: UInt32 in 1...2 { index.insert(ip("10.0.0.1"), number) }
        for number: UInt32 in 1...2 { index.remove(ip("10.0.0.1"), number) }
        for number: UInt32 in 3...4 { index.insert(ip("10.0.0.2"), number) }
        for number: UInt32 in 5...6 { index.insert(ip("10.0.0.3"), number) }
        #expect(found(ip("10.0.0.1")).isEmpty && found(ip("10.0.0.2")) == [3, 4] && found(ip("10.0.0.3")) == [5, 6])
    }

    @Test("No two IPv4 addresses are taken for each other, and the largest numbers are numbers")
    mutating func ipv4() {
        let addresses = (0..<32).map { IPAddress(v4: 1 << $0) } + [IPAddress(v4: 0), IPAddress(v4: .max)]
        for (number, address) in addresses.enumerated() { index.insert(address, UInt32(number) | 0x7FFF_FF00) }
        for (number, address) in addresses.enumerated() { #expect(found(address) == [UInt32(number) | 0x7FFF_FF00]) }
    }

    @Test("Nothing is lost where addresses are taken for each other, as some of very many are")
    mutating func collisions() {
        var random = SeededRandom(1)
        let addresses = (0..<200_000).map { _ in
            IPAddress(v6High: random.next() | 1 << 63, low: random.next())
        }
        for (number, address) in addresses.enumerated() { index.insert(address, UInt32(number)) }
        let sharing = addresses.indices.filter { index.numbers(at: addresses[$0]).count > 1 }
        #expect(!sharing.isEmpty && sharing.count < 100, "this is about them")
        #expect(addresses.indices.allSatisfy { index.numbers(at: addresses[$0]).contains(UInt32($0)) })
        // Each second of those that share goes; the others are still found.
        for place in sharing where place % 2 == 0 { index.remove(addresses[place], UInt32(place)) }
        for place in sharing {
            #expect(index.numbers(at: addresses[place]).contains(UInt32(place)) == (place % 2 != 0))
        }
    }

    @Test("Whatever is put in and taken out, what is left is found", arguments: UInt64(1)...20)
    mutating func anyOrder(seed: UInt64) {
        var random = SeededRandom(seed)
        var model: [UInt32: [UInt32]] = [:]
        for _ in 0..<300 {
            let address = UInt32.random(in: 1...4, using: &random)
            if Bool.random(using: &random) {
                let number = UInt32.random(in: 0...3, using: &random)
                index.insert(IPAddress(v4: address), number)
                model[address, default: []].append(number)
            } else if let place = model[address, default: []].indices.randomElement(using: &random),
                let number = model[address]?.remove(at: place)
            {
                index.remove(IPAddress(v4: address), number)
            }
            #expect(found(IPAddress(v4: address)) == Set(model[address] ?? []).sorted(), "seed \(seed)")
        }
    }
}
