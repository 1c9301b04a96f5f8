public import EventLoop

/// One client's connection to a server: reads requests, answers them in order, and ends as HTTP wants it to.
///
/// Belongs to the loop's thread. The connection is closed when the object goes; its owner holds it and steps it
/// whenever its readiness changed.
public final class HTTPConnection {
    /// What is to become of the connection after a step.
    public enum Verdict: Sendable {
        /// Step it when its readiness changes.
        case waits
        /// It could go on: step it after the others had their turn.
        case yields
        /// It only waits for the client to end too, and should not wait for long.
        case lingers
        /// Nothing more to do: let it go.
        case finished
    }

    private enum Phase {
        case serving
        /// The last answer is written; it may still have to be sent.
        case closing
        /// All is sent. What the client still sends is discarded: closing with unread bytes would be a reset, which can
        /// destroy the answer on its way to the client.
        case lingering
    }

    /// A client that sends requests and does not read the answers is read from again once this is gone.
    private static let mostPending = 256 << 10
    private static let roundsPerTurn = 64

    public let descriptor: Descriptor
    private let headers: [HTTPHeader]
    private var parser: HTTPRequestParser
    private var pending = OutputBuffer()
    private var phase = Phase.serving
    /// The client has ended its direction; it may well wait for answers.
    private var clientEnded = false

    /// - Parameters:
    ///   - headers: part of every answer, also of refusals.
    ///   - largestBody: in bytes; a request with a longer one is refused.
    public init(
        _ descriptor: consuming Descriptor, headers: [HTTPHeader] = [], largestBody: Int = 1 << 20
    ) {
        self.descriptor = descriptor
        self.headers = headers
        parser = HTTPRequestParser(largestBody: largestBody)
    }

    /// Does what can be done without waiting.
    ///
    /// - Parameters:
    ///   - scratch: where bytes are read to; used by all connections.
    ///   - answer: what to answer a request with.
    public func step(_ scratch: UnsafeMutableRawBufferPointer, answer: (HTTPRequest) -> HTTPAnswer) -> Verdict {
        for _ in 0..<Self.roundsPerTurn {
            let verdict: Verdict? =
                switch phase {
                case .serving: serve(scratch, answer)
                case .closing: close()
                case .lingering: discard(scratch)
                }
            if let verdict { return verdict }
        }
        return .yields
    }

    /// One round of serving; nil if there may be more to do at once.
    private func serve(_ scratch: UnsafeMutableRawBufferPointer, _ answer: (HTTPRequest) -> HTTPAnswer) -> Verdict? {
        if pending.count > Self.mostPending {
            guard pending.flush(to: descriptor) else { return .finished }
            if pending.count > Self.mostPending { return .waits }
        }
        switch parser.next() {
        case .request(let request):
            send(answer(request).following(request))
        case .expectsContinue:
            pending.append(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        case .refused(let status):
            send(.refusal(status))
        case .needsMore where clientEnded:
            if parser.isInsideRequest { send(.refusal(.badRequest)) }
            phase = .closing
        case .needsMore:
            // Sent here and not after each answer, so that pipelined requests share a packet.
            guard pending.flush(to: descriptor) else { return .finished }
            return read(scratch)
        }
        return nil
    }

    private func send(_ answer: HTTPAnswer) {
        pending.append(answer.serialized(adding: headers))
        if answer.closes { phase = .closing }
    }

    private func read(_ scratch: UnsafeMutableRawBufferPointer) -> Verdict? {
        switch descriptor.read(into: scratch) {
        case .moved(let count): parser.append(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        case .end: clientEnded = true
        case .wouldBlock: return .waits
        case .failed: return .finished
        }
        return nil
    }

    private func close() -> Verdict? {
        guard pending.flush(to: descriptor) else { return .finished }
        guard pending.count == 0 else { return .waits }
        if clientEnded { return .finished }
        descriptor.shutdownWrite()
        phase = .lingering
        return nil
    }

    private func discard(_ scratch: UnsafeMutableRawBufferPointer) -> Verdict? {
        switch descriptor.read(into: scratch) {
        case .moved: nil
        case .wouldBlock: .lingers
        case .end, .failed: .finished
        }
    }
}

/// Bytes that the socket has not taken yet.
private struct OutputBuffer {
    private var bytes: [UInt8] = []
    private var sent = 0

    var count: Int { bytes.count - sent }

    mutating func append(_ more: [UInt8]) {
        bytes += more
    }

    /// Sends what the socket takes; false if the connection is gone.
    mutating func flush(to socket: borrowing Descriptor) -> Bool {
        while sent < bytes.count {
            let transfer = bytes.withUnsafeBytes { socket.write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            switch transfer {
            case .moved(let count): sent += count
            case .wouldBlock:
                bytes.removeFirst(sent)
                sent = 0
                return true
            case .end, .failed: return false
            }
        }
        self = OutputBuffer()
        return true
    }
}
