import EventLoop
import Glibc
import HTTP

/// A connection without a loop and without a network: the test sends, steps and receives, each when it wants to.
final class Wire {
    let connection: HTTPConnection
    /// What was asked for, in order.
    private(set) var asked: [HTTPRequest] = []
    private let client: Int32
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)
    private var isOpen = true

    /// - Parameter buffer: what the kernel holds for a side that does not read, in bytes; nil leaves the choice to it.
    init(headers: [HTTPHeader] = [], largestBody: Int = 1 << 20, buffer: CInt? = nil) {
        var ends: [Int32] = [-1, -1]
        let status = socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0, &ends)
        // Without descriptors no test can go on.
        precondition(status == 0, "socketpair: \(errno)")
        if var size = buffer {
            for end in ends { setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size)) }
        }
        client = ends[1]
        connection = HTTPConnection(Descriptor(owning: ends[0]), headers: headers, largestBody: largestBody)
    }

    deinit {
        hangUp()
        scratch.deallocate()
    }

    /// Sends all of a text; false if the kernel did not take all of it.
    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return Glibc.send(client, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
    }

    /// One step, in which each request is answered with what `answer` says.
    @discardableResult
    func step(answer: (HTTPRequest) -> HTTPAnswer = { HTTPAnswer(.ok, $0.path.utf8) }) -> HTTPConnection.Verdict {
        connection.step(scratch) { request in
            asked.append(request)
            return answer(request)
        }
    }

    /// All that has arrived at the client.
    func receive() -> String {
        var received: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.recv(client, &piece, piece.count, 0)
            guard count > 0 else { return String(decoding: received, as: UTF8.self) }
            received += piece[..<count]
        }
    }

    /// Whether the server has ended its direction, once all was received.
    var hasEnded: Bool {
        var byte: UInt8 = 0
        return Glibc.recv(client, &byte, 1, CInt(MSG_PEEK)) == 0
    }

    /// The client ends its direction, and can still receive.
    func endSending() { shutdown(client, CInt(SHUT_WR)) }

    /// The client is gone.
    func hangUp() {
        if isOpen { close(client) }
        isOpen = false
    }
}

/// The answer with a body as it is on the wire, with more header lines before its end.
func okay(_ body: String, _ more: String = "") -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\(more)\r\n\(body)"
}

func get(_ path: String, _ more: String = "") -> String { "GET \(path) HTTP/1.1\r\n\(more)\r\n" }
