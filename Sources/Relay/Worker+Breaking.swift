internal import EventLoop

/// The last part of a connection of which one side broke.
///
/// What that side sent before belongs to the other, which would have got it without a relay too: it is delivered as far
/// as the other side takes it. Only then does that side learn of the failure, by a reset, which would overtake whatever
/// the kernel still had to send.
extension Worker {
    /// How often it is looked whether the kernel has delivered the rest, in milliseconds: no event tells.
    static let deliveryInterval: UInt64 = 50

    /// A client's socket has an error.
    func clientBroke(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        // Nobody is left, if the endpoint's has one too.
        guard !connection.pointee.isWithoutEndpoint else { return end(id, .endpointReset) }
        connection.pointee.down.sinkBroke { connection.pointee.client.pendingError() }
        relay(id, connection, on: .turn)
    }

    /// An endpoint's socket has an error. It may have finished before, and then nothing else would show it until the
    /// client says something.
    func endpointBroke(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        guard !connection.pointee.isWithoutClient else { return end(id, .clientReset) }
        connection.pointee.up.sinkBroke { connection.pointee.server.pendingError() }
        relay(id, connection, on: .turn)
    }

    /// Goes on with a connection of which one direction has failed, until nothing is left to deliver.
    func deliverRest(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        let isClient = connection.pointee.isWithoutClient
        guard !(isClient && connection.pointee.isWithoutEndpoint) else { return end(id, .endpointReset) }
        let isUnfinished: Bool
        let left: Int32
        if isClient {
            connection.pointee.up.sourceBroke()
            isUnfinished = advanceUp(connection, .turn)
            left = connection.pointee.up.left(with: connection.pointee.server)
        } else {
            connection.pointee.down.sourceBroke()
            isUnfinished = advanceDown(connection, .turn)
            left = connection.pointee.down.left(with: connection.pointee.client)
        }
        if isUnfinished { return loop.again(Token(.resume, id).raw) }
        if left != connection.pointee.undelivered {
            connection.pointee.undelivered = left
            connection.pointee.lastActive = loop.now
        }
        // Who is slow may take its time, but not for ever.
        guard left > 0, loop.now - connection.pointee.lastActive < configuration.deliveryLimit else {
            return end(id, isClient ? .clientReset : .endpointReset)
        }
        setDeadline(.delivery, id.index)
    }
}

extension Connection {
    /// Its client's socket is broken, as far as it was noticed.
    fileprivate var isWithoutClient: Bool { up.sourceFailed || down.sinkFailed }
    fileprivate var isWithoutEndpoint: Bool { down.sourceFailed || up.sinkFailed }
}

extension Direction {
    fileprivate var sourceFailed: Bool { phase == .failed && !sinkFailed }

    /// Bytes that the peer of `sink` can still get: those that are held, and those that the kernel has.
    fileprivate func left(with sink: borrowing Descriptor) -> Int32 {
        Int32(clamping: sinkFailed ? 0 : Int(held) + sink.unacknowledged)
    }
}
