internal import Balancing
internal import Base
internal import EventLoop
internal import Glibc
internal import Synchronization

/// Datagrams from clients: taken in batches from a listener, sorted by flow, and sent on with as few calls as possible.
extension Worker {
    /// Batches taken from one socket before others get their turn, if the turn is not a long one already.
    private static let batchesPerTurn = 2
    /// Bytes of a first datagram that are worth keeping: what fits a packet.
    private static let largestKept = 1472

    func receive(from listener: Listener) {
        for _ in 0..<Self.batchesPerTurn {
            switch datagrams.batch.receive(from: listener.socket) {
            case .received(let count):
                sort(count, from: listener)
                forwardTouched(through: listener)
                // What is left is reported anew: the listener is watched for as long as datagrams wait.
                if count < DatagramBatch.slots || !loop.hasTime { return }
            case .wouldBlock:
                return
            case .failed(let code):
                return listenerFailed(listener, code)
            }
        }
    }

    /// Puts each datagram of the batch into the chain of its flow; those that nobody can serve are dropped.
    private func sort(_ count: Int, from listener: Listener) {
        var last: (key: FlowKey, id: Slab<Flow>.ID)?
        for slot in 0..<count {
            let destination = listener.isWildcard ? datagrams.batch.destination(slot) : nil
            let key = FlowKey(
                client: datagrams.batch.peer(slot).unmapped, listener: listener.id, destination: destination)
            if let last, last.key == key, let flow = datagrams.flows.find(last.id) {
                datagrams.link(slot, to: flow, last.id)
                continue
            }
            guard let id = flow(for: key, on: listener), let flow = datagrams.flows.find(id) else {
                dropped(.unserved, of: listener.port)
                continue
            }
            datagrams.link(slot, to: flow, id)
            last = (key, id)
        }
    }

    private func forwardTouched(through listener: Listener) {
        while let id = datagrams.touched.popLast() {
            guard let flow = datagrams.flows.find(id) else { continue }
            forward(id, flow, listener)
        }
    }

    /// Sends the chain of one flow to its endpoint. An endpoint that turns out not to be there is replaced, for this
    /// datagram and those that follow.
    func forward(_ id: Slab<Flow>.ID, _ flow: UnsafeMutablePointer<Flow>, _ listener: Listener) {
        var slot = flow.pointee.chain.first
        flow.pointee.chain = SlotChain()
        var current = id
        var replacements = DialAttempts.timeouts.count
        while slot >= 0 {
            guard let flow = datagrams.flows.find(current) else { return }
            let next = cut(from: slot, joining: flow.pointee.joinsUp)
            let error = send { slots in
                guard flow.pointee.header.isEmpty else {
                    return datagrams.batch.send(Int(slot), after: flow.pointee.header, through: flow.pointee.socket)
                }
                return datagrams.batch.send(slots, through: flow.pointee.socket)
            }
            let port = flow.pointee.port
            switch error {
            case 0:
                let count = datagrams.run.slots.count
                if port.flows.isUnused(flow.pointee.entry) { keepFirst(flow) }
                port.counters.pointee.datagramsUp.add(UInt64(count))
                port.counters.pointee.bytesUp.add(bytesInRun())
                port.flows.used(flow.pointee.entry, sent: count, now: loop.now)
                slot = next
            case let error where SystemError.blamesEndpoint(error):
                // The kernel tells of an earlier datagram; this one was not sent, and can go to somebody else.
                replacements -= 1
                let key = flow.pointee.key
                endpointRefused(current, flow, error)
                // The first datagram may have brought about another flow by now.
                guard replacements > 0, let other = self.flow(for: key, on: listener) else {
                    return drop(from: slot, port)
                }
                current = other
            default:
                if let limit = refusedToJoin(error) {
                    flow.pointee.joinsUp = limit
                    continue
                }
                // No room in the socket, or a datagram that is too large for the way: lost, as datagrams may be.
                dropped(.toEndpoint, UInt64(datagrams.run.slots.count), of: port)
                slot = next
            }
        }
    }

    /// Keeps the first datagram of the run, if it is of the kind that a question is.
    private func keepFirst(_ flow: UnsafeMutablePointer<Flow>) {
        guard let slot = datagrams.run.slots.first else { return }
        let bytes = datagrams.batch.bytes(Int(slot))
        guard (1...Self.largestKept).contains(bytes.count) else { return }
        let header = flow.pointee.header
        if header.isEmpty {
            flow.pointee.first.keep(bytes)
        } else {
            (header + bytes).withUnsafeBytes { flow.pointee.first.keep($0) }
        }
        flow.pointee.firstLength = Int32(header.count + bytes.count)
    }

    /// Gathers the run that begins at `slot`, of one datagram if it is larger than `joining`; returns the slot behind
    /// it, or -1.
    private func cut(from slot: Int16, joining: Int) -> Int16 {
        datagrams.run.reset()
        var slot = slot
        while slot >= 0 {
            let length = datagrams.batch.length(Int(slot))
            guard datagrams.run.isEmpty || length <= joining, datagrams.run.add(Int(slot), length: length) else {
                break
            }
            slot = datagrams.nextSlot[Int(slot)]
            if length > joining { break }
        }
        return slot
    }

    /// What may still be joined if the error of sending the run is about joining; nil if it is not.
    private func refusedToJoin(_ code: Int32) -> Int? {
        guard datagrams.run.slots.count > 1, let first = datagrams.run.slots.first else { return nil }
        return Flow.joins(afterRefusing: datagrams.batch.length(Int(first)), with: code)
    }

    @inline(__always)
    private func send(_ body: (UnsafeBufferPointer<UInt16>) -> Int32) -> Int32 {
        datagrams.run.slots.withUnsafeBufferPointer(body)
    }

    private func bytesInRun() -> UInt64 {
        datagrams.run.slots.reduce(into: 0) { $0 += UInt64(datagrams.batch.length(Int($1))) }
    }

    private func drop(from slot: Int16, _ port: PortState) {
        var slot = slot
        while slot >= 0 {
            dropped(.unserved, of: port)
            slot = datagrams.nextSlot[Int(slot)]
        }
    }

    private func dropped(_ reason: DropReason, _ count: UInt64 = 1, of port: PortState) {
        port.counters.pointee.dropped.add(count)
        counters.drops.add(reason, count)
    }

    // MARK: Replies

    /// Something happened on the socket between a flow and its endpoint.
    func flowEvent(_ id: Slab<Flow>.ID) {
        for _ in 0..<Self.batchesPerTurn {
            guard let flow = datagrams.flows.find(id) else { return }
            switch datagrams.batch.receive(from: flow.pointee.socket) {
            case .received(let count):
                answer(count, id, flow)
                if count < DatagramBatch.slots { return }
                if !loop.hasTime { return loop.again(Token(.flow, index: id.index, generation: id.generation).raw) }
            case .wouldBlock:
                return
            case .failed(let code) where SystemError.blamesEndpoint(code):
                return endpointRefused(id, flow, code)
            case .failed:
                // A datagram was too large for the way, or the kernel short of memory; what else waits is still good.
                continue
            }
        }
        loop.again(Token(.flow, index: id.index, generation: id.generation).raw)
    }

    /// Sends the batch at hand to the flow's client, from the address that the client used.
    private func answer(_ count: Int, _ id: Slab<Flow>.ID, _ flow: UnsafeMutablePointer<Flow>) {
        let port = flow.pointee.port
        guard let listener = listeners[flow.pointee.key.listener] else {
            dropped(.toClient, UInt64(count), of: port)
            return endFlow(id)
        }
        for slot in 0..<count { datagrams.nextSlot[slot] = slot + 1 < count ? Int16(slot + 1) : -1 }
        var slot: Int16 = 0
        while slot >= 0 {
            let next = cut(from: slot, joining: flow.pointee.joinsDown)
            let error = send { slots in
                datagrams.batch.send(
                    slots, through: listener.socket, to: flow.pointee.key.client, from: flow.pointee.key.destination)
            }
            if error != 0, let limit = refusedToJoin(error) {
                flow.pointee.joinsDown = limit
                continue
            }
            if error == 0 {
                port.counters.pointee.datagramsDown.add(UInt64(datagrams.run.slots.count))
                port.counters.pointee.bytesDown.add(bytesInRun())
            } else {
                dropped(.toClient, UInt64(datagrams.run.slots.count), of: port)
            }
            slot = next
        }
        flow.pointee.endpoint.pardon(at: loop.now)
        if flow.pointee.firstLength > 0 { flow.pointee.forgetFirst() }
        port.flows.used(flow.pointee.entry, received: count, now: loop.now)
        if let limit = port.replyLimit, port.flows.replies(flow.pointee.entry) >= limit { endFlow(id) }
    }
}
