internal import Base
internal import EventLoop

/// What a relay does at a handover, on either side of it.
extension Relay {
    // MARK: The new process

    /// Has the doors that are opened from now on use these sockets, where they listen at the same address, in place of
    /// new ones. Before the first door is opened.
    public func inherit(_ inheritance: Inheritance) {
        self.inheritance = inheritance
    }

    /// Closes the inherited sockets that no door has asked for: their service ports are gone.
    ///
    /// - Returns: how many sockets there were. Clients that wait on them are reset.
    @discardableResult
    public func releaseUnclaimed() -> Int {
        let released = inheritance?.release() ?? 0
        inheritance = nil
        return released
    }

    // MARK: The process that has been serving

    /// Leaves all doors to the process that has inherited them: returns when no worker accepts or reads from them any
    /// more.
    ///
    /// Clients that are queued are left there for the other process; closing the sockets does them no harm as long as
    /// that process has them open. Connections go on. So do UDP flows: their answers leave by the doors, as their
    /// clients expect, while what the clients send from now on is the other process's. ``drain(within:)`` is what comes
    /// next; nothing is to be opened any more.
    public func letGo() async {
        forgetDoors()
        for worker in workers { worker.loop.execute { worker.letGo() } }
        await settle()
    }

    /// One of the sockets of a door.
    struct HandedSocket: Sendable {
        let door: Inheritance.Door
        let listener: ListenerID
    }

    /// Every listening socket that there is now, those of a door one after the other.
    var handedSockets: [HandedSocket] {
        doors.all.flatMap { door in
            let known = Inheritance.Door(port: door.port, address: door.address)
            return door.listeners.map { HandedSocket(door: known, listener: $0) }
        }
    }

    /// Second descriptors of those sockets that are still open, which are the caller's.
    func duplicates(
        of sockets: ArraySlice<HandedSocket>
    ) async throws(SystemError) -> [(socket: HandedSocket, copy: Int32)] {
        var copies: [(socket: HandedSocket, copy: Int32)] = []
        var failure: SystemError?
        for (index, theirs) in Dictionary(grouping: sockets, by: \.listener.worker) {
            let worker = workers[index]
            let numbers = theirs.map(\.listener.number)
            let made: Result<[Int32?], SystemError> = await withCheckedContinuation { continuation in
                let accepted = worker.loop.execute { continuation.resume(returning: worker.duplicates(of: numbers)) }
                if !accepted { continuation.resume(returning: .success([])) }
            }
            switch made {
            case .success(let made):
                copies += zip(theirs, made).compactMap { socket, copy in copy.map { (socket: socket, copy: $0) } }
            case .failure(let error): failure = error
            }
        }
        if let failure {
            for (_, copy) in copies { _ = Descriptor(owning: copy) }
            throw failure
        }
        return copies
    }
}

extension Worker {
    /// Second descriptors of these listeners, nil for those that are not there; all or none.
    fileprivate func duplicates(of numbers: [UInt32]) -> Result<[Int32?], SystemError> {
        var copies: [Int32?] = []
        do throws(SystemError) {
            for number in numbers { copies.append(try listeners[number]?.socket.duplicate().release()) }
            return .success(copies)
        } catch {
            for copy in copies { if let copy { _ = Descriptor(owning: copy) } }
            return .failure(error)
        }
    }
}
