import Base
import EventLoop
import Glibc
import Testing

/// Single datagrams; ``DatagramBatch`` has tests of its own.
@Suite struct DatagramTests {
    @Test func carriesOneAtATimeWithItsSender() throws {
        let server = Socket(try UDPSocket.bind(to: .loopback(port: 0)))
        let client = Socket(try UDPSocket.bind(to: .loopback(port: 0)))
        #expect(try server.receive() == nil)
        #expect(try client.send("one", to: server.address) == 0)
        #expect(try client.send("", to: server.address) == 0)
        var next = try #require(try server.receive())
        #expect(try next == ("one", client.address))
        next = try #require(try server.receive())
        #expect(next.text == "", "an empty datagram is a datagram")
        #expect(try server.receive() == nil)
    }

    @Test func whatDoesNotFitIsLostAndWhatIsTooLargeIsNotSent() throws {
        let server = Socket(try UDPSocket.bind(to: .loopback(port: 0)))
        #expect(try server.send("longer than that", to: server.address) == 0)
        #expect(try server.receive(6)?.text == "longer")
        #expect(try server.receive() == nil)
        #expect(try server.send(String(repeating: "x", count: 65_508), to: server.address) == EMSGSIZE)
    }

    /// A socket in a class, since `#expect` takes no noncopyable values.
    private final class Socket {
        private let descriptor: Descriptor

        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

        var address: SocketAddress {
            get throws { try TCPSocket.localAddress(of: descriptor) }
        }

        func send(_ text: String, to receiver: SocketAddress) -> Int32 {
            Array(text.utf8).withUnsafeBytes { UDPSocket.send($0, to: receiver, through: descriptor) }
        }

        func receive(_ room: Int = 4096) throws -> (text: String, sender: SocketAddress)? {
            var bytes = [UInt8](repeating: 0, count: room)
            switch bytes.withUnsafeMutableBytes({ UDPSocket.receive(from: descriptor, into: $0) }) {
            case .datagram(let count, let sender): return (String(decoding: bytes.prefix(count), as: UTF8.self), sender)
            case .wouldBlock: return nil
            case .failed(let code): throw SystemError("receive", code: code)
            }
        }
    }
}
