internal import Glibc

/// Does the steps of one script on the calling thread.
struct ScriptRunner: Sendable {
    let socket: PeerSocket
    let name: String
    let limit: Duration
    let state: Locked<PeerReport>

    private static let bufferSize = 64 << 10

    func run(_ script: [PeerStep], first: () throws(PeerError) -> Void = {}) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 16)
        defer { buffer.deallocate() }
        var others: [Cue] = []
        var current = "connect"
        do throws(PeerError) {
            try first()
            for step in script {
                current = step.name
                if case .meanwhile(let steps) = step.action {
                    others.append(try spawn(steps))
                } else {
                    try perform(step.action, buffer)
                }
            }
        } catch {
            fail(error, at: current)
        }
        // The socket is closed by the caller, so it must wait for whoever else uses it.
        for other in others { try? wait(for: other, "meanwhile") }
    }

    private func spawn(_ steps: [PeerStep]) throws(PeerError) -> Cue {
        let done = Cue()
        try spawnThread {
            run(steps)
            done.give()
        }
        return done
    }

    private func fail(_ error: PeerError, at step: String) {
        state.withLock { report in
            if error.isReset { report.sawReset = true }
            // To be stopped is how a peer ends that has no end of its own.
            guard error != .stopped, report.failure == nil else { return }
            report.failure = PeerFailure(peer: name, step: step, reason: error)
        }
    }

    private var deadline: Deadline { .within(limit) }

    private func perform(_ action: PeerStep.Action, _ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        switch action {
        case .send(let bytes): try send(bytes)
        case .sendPattern(let count, let pattern): try send(pattern, count: count)
        case .sendUrgently(let count, let pattern, let piece): try send(pattern, count: count, urgentEvery: piece)
        case .sendUntilReset: try sendUntilReset(buffer)
        case .expect(let count): try receive(exactly: count, buffer)
        case .expectBytes(let bytes): try receive(bytes, buffer)
        case .receiveAll(let most, let pause): try receiveAll(most: most, pause: pause, buffer)
        case .verify(let count, let pattern): try verify(pattern, count: count, buffer)
        case .receiveReset: try receiveReset(buffer)
        case .echo: try echo(buffer)
        case .answerHTTP(let body): try answerHTTP(body, buffer)
        case .neverRead:
            // Without a deadline of its own: it lasts until the test stops it or drops the peer.
            try waitReadable(-1, events: 0, "neverRead", stop: socket.stop, until: .within(.seconds(3600)))
        case .wait(let cue): try wait(for: cue, "wait for a cue")
        case .give(let cue): cue.give()
        case .pause(let duration): try pause(duration)
        case .meanwhile: break  // `run` has done it
        case .shutdownWrite: try socket.shutdownWrite()
        case .reset:
            socket.lingerZero()
            socket.close()
        case .close: socket.close()
        }
    }

    private func wait(for cue: Cue, _ operation: String) throws(PeerError) {
        try waitReadable(cue.readEnd, events: POLLIN, operation, stop: socket.stop, until: deadline)
    }

    private func pause(_ duration: Duration) throws(PeerError) {
        do throws(PeerError) {
            // No descriptor: poll leaves a negative one out, and what remains is the stop cue and the time.
            try waitReadable(-1, events: 0, "pause", stop: socket.stop, until: Deadline(instant: .now + duration))
        } catch {
            if !error.isTimeout { throw error }
        }
    }

    // MARK: - Sending

    private func write(all bytes: UnsafeRawBufferPointer, until deadline: Deadline) throws(PeerError) {
        var rest = bytes
        while rest.count > 0 {
            let count = try socket.write(rest, until: deadline)
            let written = UnsafeRawBufferPointer(rebasing: rest[..<count])
            state.withLock { $0.sent.add(written) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    private func send(_ bytes: [UInt8]) throws(PeerError) {
        let deadline = deadline
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(PeerError) in try write(all: bytes, until: deadline) }
    }

    private func send(_ pattern: BytePattern, count: Int) throws(PeerError) {
        let deadline = deadline
        var sent = 0
        while sent < count {
            sent += try pattern.withBytes(at: sent, count: count - sent) { (bytes) throws(PeerError) in
                try write(all: bytes, until: deadline)
                return bytes.count
            }
        }
    }

    private func send(_ pattern: BytePattern, count: Int, urgentEvery piece: Int) throws(PeerError) {
        let deadline = deadline
        var sent = 0
        while sent < count {
            // Up to the end of the piece, whose last byte is the one that the flag marks.
            let left = min(piece - sent % piece, count - sent)
            sent += try pattern.withBytes(at: sent, count: left) { (bytes) throws(PeerError) in
                let taken = try socket.write(bytes, isUrgent: bytes.count == left, until: deadline)
                state.withLock { $0.sent.add(UnsafeRawBufferPointer(rebasing: bytes[..<taken])) }
                return taken
            }
        }
    }

    private func sendUntilReset(_ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        let deadline = deadline
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        do throws(PeerError) {
            while true {
                try write(all: UnsafeRawBufferPointer(buffer), until: deadline)
                if deadline.hasPassed { throw .timedOut("send until a reset") }
            }
        } catch {
            guard error.isReset else { throw error }
            state.withLock { $0.sawReset = true }
        }
    }

    // MARK: - Receiving

    /// Reads once, at most `most` bytes, and notes what came; nil at the end.
    private func receive(
        _ buffer: UnsafeMutableRawBufferPointer, most: Int = .max, until deadline: Deadline
    ) throws(PeerError) -> UnsafeRawBufferPointer? {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(most, buffer.count)])
        let count = try socket.read(into: room, until: deadline)
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        state.withLock { report in
            report.received.add(bytes)
            if count == 0 { report.sawEnd = true }
        }
        return count == 0 ? nil : bytes
    }

    private func receive(exactly count: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        let deadline = deadline
        var received = 0
        while received < count {
            guard let bytes = try receive(buffer, most: count - received, until: deadline) else {
                throw .ended(after: received, of: count)
            }
            received += bytes.count
        }
    }

    private func receive(_ expected: [UInt8], _ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        let deadline = deadline
        var received: [UInt8] = []
        while received.count < expected.count {
            guard let bytes = try receive(buffer, most: expected.count - received.count, until: deadline) else {
                throw .ended(after: received.count, of: expected.count)
            }
            received.append(contentsOf: bytes)
        }
        guard received == expected else {
            let (got, wanted) = (String(decoding: received, as: UTF8.self), String(decoding: expected, as: UTF8.self))
            throw .unexpected("received \"\(got)\", expected \"\(wanted)\"")
        }
    }

    private func receiveAll(
        most: Int, pause: Duration, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        let deadline = deadline
        while try receive(buffer, most: most, until: deadline) != nil {
            if pause > .zero { try self.pause(pause) }
            if deadline.hasPassed { throw .timedOut("receive until the end") }
        }
    }

    private func verify(
        _ pattern: BytePattern, count: Int?, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        let deadline = deadline
        var offset = 0
        while count.map({ offset < $0 }) ?? true {
            guard let bytes = try receive(buffer, most: count.map { $0 - offset } ?? .max, until: deadline) else {
                if let count { throw .ended(after: offset, of: count) }
                return
            }
            if let wrong = pattern.firstMismatch(in: bytes, at: offset) {
                throw .unexpected("byte \(wrong) is not the one that was sent")
            }
            offset += bytes.count
        }
    }

    private func receiveReset(_ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        let deadline = deadline
        do throws(PeerError) {
            while try receive(buffer, until: deadline) != nil {}
        } catch {
            guard error.isReset else { throw error }
            state.withLock { $0.sawReset = true }
            return
        }
        throw .unexpected("the other side closed in order, a reset was expected")
    }

    // MARK: - Answering

    private func echo(_ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        // A new deadline for each round: an echo server lasts as long as there is traffic.
        while let bytes = try receive(buffer, until: deadline) { try write(all: bytes, until: deadline) }
        try socket.shutdownWrite()
    }

    private func answerHTTP(_ body: String, _ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) {
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        // Where the blank line that ends a request has been matched up to; requests have no body.
        let end = Array("\r\n\r\n".utf8)
        var matched = 0
        while let bytes = try receive(buffer, until: deadline) {
            for byte in bytes {
                matched = byte == end[matched] ? matched + 1 : (byte == end[0] ? 1 : 0)
                if matched == end.count {
                    matched = 0
                    try send(Array(answer.utf8))
                }
            }
        }
    }
}
