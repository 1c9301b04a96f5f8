internal import EventLoop

/// One client over TCP. It is answered question by question, and nothing is read while an answer is on its way, so what
/// it can occupy is one question and one answer.
final class DNSConnection {
    /// What is to be done after a step.
    enum Verdict: Equatable {
        case goOn
        /// Until its readiness changes.
        case wait
        case close
    }

    let socket: Descriptor
    /// When a byte was last moved, by the loop's clock.
    private(set) var lastActive: UInt64
    private var questions = DNSStream()
    private var answer: ArraySlice<UInt8> = []
    private var hasAskedAll = false

    init(_ socket: consuming Descriptor, at now: UInt64) {
        self.socket = socket
        self.lastActive = now
    }

    /// Does the next thing there is to do.
    ///
    /// - Parameter respond: makes the response to a message; nil ends the connection.
    func step(at now: UInt64, _ respond: ([UInt8]) -> [UInt8]?) -> Verdict {
        if !answer.isEmpty { return send(at: now) }
        if let question = questions.next() {
            guard let response = respond(question) else { return .close }
            answer = DNSStream.framed(response)[...]
            return .goOn
        }
        return hasAskedAll || questions.isHopeless ? .close : receive(at: now)
    }

    private func send(at now: UInt64) -> Verdict {
        switch answer.withUnsafeBytes({ socket.write($0) }) {
        case .moved(let count):
            lastActive = now
            answer = answer.dropFirst(count)
            return .goOn
        case .wouldBlock: return .wait
        case .end, .failed: return .close
        }
    }

    private func receive(at now: UInt64) -> Verdict {
        withUnsafeTemporaryAllocation(byteCount: DNSStream.longestQuestion, alignment: 1) { buffer in
            switch socket.read(into: buffer) {
            case .moved(let count):
                lastActive = now
                questions.receive(buffer[..<count])
                return .goOn
            case .end:
                // A client may ask, shut down its side, and wait.
                hasAskedAll = true
                return .goOn
            case .wouldBlock: return .wait
            case .failed: return .close
            }
        }
    }
}
