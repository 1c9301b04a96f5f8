internal import EventLoop

/// Moving bytes: carries out what the two ``Direction`` values of a connection ask for, until both have to wait.
extension Worker {
    /// Steps that one direction may take before others get their turn: 1 MiB copied, or 2 MiB spliced.
    private static let stepsPerTurn = 16

    /// Who asks for bytes to be moved.
    enum Occasion {
        /// An event: small messages are passed on at once, streams take their place in the loop's queue. So a message
        /// never waits for the streams of others, however many there are, but for one turn of the loop.
        case event
        /// The queue, or the end of the connection.
        case turn
    }

    /// Moves what can be moved, in both directions, and draws the conclusions.
    func relay(
        _ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>, on occasion: Occasion = .event
    ) {
        guard connection.pointee.isEstablished else { return }
        var unfinished = advanceUp(connection, occasion)
        unfinished = advanceDown(connection, occasion) || unfinished

        if connection.pointee.up.phase == .failed || connection.pointee.down.phase == .failed {
            return deliverRest(id, connection)
        }
        if connection.pointee.up.isDone, connection.pointee.down.isDone { return end(id, .completed) }
        if unfinished { loop.again(Token(.resume, id).raw) }
        if connection.pointee.isHalfOpen, !deadlines.isHalfOpen(id.index) {
            setDeadline(.youngHalfOpen, id.index)
        }
    }

    func advanceUp(_ connection: UnsafeMutablePointer<Connection>, _ occasion: Occasion) -> Bool {
        let before = connection.pointee.up.moved
        defer { connection.pointee.counters.pointee.bytesUp.add(connection.pointee.up.moved - before) }
        return advance(
            &connection.pointee.up, &connection.pointee.upHold, of: PipePool.Holder(connection, isUp: true),
            from: connection.pointee.client, to: connection.pointee.server,
            endIsSaidByClosing: connection.pointee.down.saysItByClosing, occasion)
    }

    func advanceDown(_ connection: UnsafeMutablePointer<Connection>, _ occasion: Occasion) -> Bool {
        let before = connection.pointee.down.moved
        defer { connection.pointee.counters.pointee.bytesDown.add(connection.pointee.down.moved - before) }
        return advance(
            &connection.pointee.down, &connection.pointee.downHold, of: PipePool.Holder(connection, isUp: false),
            from: connection.pointee.server, to: connection.pointee.client,
            endIsSaidByClosing: connection.pointee.up.saysItByClosing, occasion)
    }

    /// Steps one direction until it waits (false) or has to give way to others (true).
    @inline(__always)
    private func advance(
        _ direction: inout Direction, _ hold: inout Hold, of holder: PipePool.Holder,
        from source: borrowing Descriptor, to sink: borrowing Descriptor, endIsSaidByClosing: Bool,
        _ occasion: Occasion
    ) -> Bool {
        let now = loop.now
        var steps = Self.stepsPerTurn
        // A pipe is held only while bytes are in it.
        defer { if direction.held == 0 { giveBackPipe(&hold, of: holder) } }
        while steps > 0 {
            steps -= 1
            switch direction.next(at: now) {
            case .wait:
                return false
            case .copy:
                // Or what is left over now would be looked for in the pipe of the stream before.
                giveBackPipe(&hold, of: holder)
                copy(&direction, &hold, from: source, to: sink, now)
            case .fill:
                guard occasion == .turn else { return true }
                guard let pipe = hold.pipe ?? takePipe(for: holder) else {
                    direction.cannotSplice()
                    continue
                }
                hold.pipe = pipe
                direction.didFill(pipes.fill(pipe, from: source, at: now), at: now)
            case .flush:
                if let pipe = hold.pipe {
                    guard occasion == .turn else { return true }
                    let moved = pipes.drain(pipe, to: sink, count: direction.held, at: now)
                    if case .moved(let count) = moved { counters.splicedBytes.add(UInt64(count)) }
                    direction.didDrain(moved)
                } else {
                    direction.didWrite(hold.write(to: sink, held: direction.held))
                }
            case .shutdown:
                guard !endIsSaidByClosing else { return false }
                sink.shutdownWrite()
                direction.didShutdown()
            }
        }
        return true
    }

    @inline(__always)
    private func copy(
        _ direction: inout Direction, _ hold: inout Hold, from source: borrowing Descriptor,
        to sink: borrowing Descriptor, _ now: UInt64
    ) {
        let read = source.read(into: buffer)
        direction.didRead(read, capacity: Self.bufferSize, at: now)
        guard case .moved(let count) = read else { return }
        counters.copiedBytes.add(UInt64(count))
        // Written at once: waiting for an event first costs a quarter more per message.
        direction.didWrite(sink.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
        let left = Int(direction.held)
        if left > 0 { hold.keep(UnsafeRawBufferPointer(rebasing: buffer[(count - left)..<count])) }
    }
}
