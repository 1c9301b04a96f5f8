internal import EventLoop

/// Lending the worker's pipes to directions that carry streams, so that a few that stand still do not keep all of them.
extension Worker {
    /// A pipe for a stream; nil if its service port has its share of them and nobody has one without using it. Then the
    /// stream is copied, which is slower and works as well.
    func takePipe(for holder: PipePool.Holder) -> PipePool.Slot? {
        let port = holder.connection.pointee.port
        let hasShare = !pipes.supply(at: loop.now).admits(port.has.pipes)
        var slot = hasShare ? nil : pipes.take(for: holder, at: loop.now)
        if slot == nil, reclaimPipe() { slot = pipes.take(for: holder, at: loop.now) }
        if slot != nil { port.has.pipes += 1 }
        countPipes()
        return slot
    }

    /// Takes the pipe of the stream whose reader has stood still for longest; its bytes wait in a buffer instead.
    private func reclaimPipe() -> Bool {
        guard let holder = pipes.stalled(at: loop.now) else { return false }
        let connection = holder.connection
        return holder.isUp
            ? unload(connection.pointee.up.held, &connection.pointee.upHold, of: holder)
            : unload(connection.pointee.down.held, &connection.pointee.downHold, of: holder)
    }

    /// Moves what is in a pipe into a buffer; false if that cannot be done now.
    func unload(_ held: Int32, _ hold: inout Hold, of holder: PipePool.Holder) -> Bool {
        guard hold.unload(held, from: pipes) else { return false }
        giveBackPipe(&hold, of: holder)
        return true
    }

    @inline(__always)
    func giveBackPipe(_ hold: inout Hold, of holder: PipePool.Holder) {
        guard let pipe = hold.pipe else { return }
        hold.pipe = nil
        pipes.giveBack(pipe)
        // In two steps: for the thread sanitizer the compiler makes invalid code of the one.
        let port = holder.connection.pointee.port
        port.has.pipes -= 1
        countPipes()
    }

    func discardPipe(_ hold: inout Hold, of port: PortState) {
        guard let pipe = hold.pipe else { return }
        hold.pipe = nil
        pipes.discard(pipe)
        port.has.pipes -= 1
        countPipes()
    }

    @inline(__always)
    private func countPipes() {
        counters.pipes.set(pipes.count)
        counters.pipesLent.set(pipes.lent)
    }
}
