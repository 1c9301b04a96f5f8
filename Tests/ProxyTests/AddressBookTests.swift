import Base
import Testing

@testable import Proxy

@Suite struct AddressBookTests {
    @Test func theAddressOfAServiceIsTheSameInEveryRun() {
        var book = AddressBook()
        // People write these into their notes and scripts: a change of the derivation is a breaking change.
        #expect(book.address(namespace: "default", service: "my-service").description == "127.105.156.117")
        #expect(book.address(namespace: "kube-system", service: "kube-dns").description == "127.109.59.70")
    }

    @Test func itDoesNotDependOnTheOthersUnlessTheyCollide() {
        var alone = AddressBook()
        var crowded = AddressBook()
        for number in 0..<1000 { _ = crowded.address(namespace: "other", service: "service-\(number)") }
        #expect(
            alone.address(namespace: "default", service: "web")
                == crowded.address(namespace: "default", service: "web"))
    }

    @Test func noTwoServicesShareOneAndAllAreInTheNetwork() {
        var book = AddressBook()
        // Enough for several collisions among four million.
        let addresses = (0..<20_000).map { book.address(namespace: "ns", service: "s\($0)") }
        #expect(Set(addresses).count == addresses.count)
        #expect(addresses.allSatisfy { (0x7F40_0000...0x7F7F_FFFF).contains($0.low) })
        #expect(addresses.allSatisfy { ![0, 255].contains($0.low & 0xFF) })
    }

    @Test func onceGivenItNeverMoves() {
        var book = AddressBook()
        let first = (0..<5000).map { book.address(namespace: "ns", service: "s\($0)") }
        let again = (0..<5000).reversed().map { book.address(namespace: "ns", service: "s\($0)") }
        #expect(first == again.reversed())
    }
}
