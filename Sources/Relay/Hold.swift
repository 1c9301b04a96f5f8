internal import EventLoop

/// Where the bytes are that a direction holds: in a buffer of its own, in a pipe of the worker's pool, or nowhere.
///
/// A connection that moves nothing holds nothing: no buffer, no pipe.
struct Hold: ~Copyable {
    private var buffer: UnsafeMutableRawPointer?
    private var offset: Int32 = 0
    /// The pipe in use, if any; its owner is the pool.
    var pipe: PipePool.Slot?

    init() {}

    deinit {
        buffer?.deallocate()
    }

    /// Copies `bytes`, which the shared buffer cannot keep.
    mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
        if let source = bytes.baseAddress { copy.copyMemory(from: source, byteCount: bytes.count) }
        buffer?.deallocate()
        buffer = copy
        offset = 0
    }

    /// Puts `bytes` before the `held` ones that are in the buffer.
    mutating func prepend(_ bytes: [UInt8], held: Int32) {
        guard !bytes.isEmpty else { return }
        var all = bytes
        if let buffer, held > 0 {
            all.append(contentsOf: UnsafeRawBufferPointer(start: buffer + Int(offset), count: Int(held)))
        }
        all.withUnsafeBytes { keep($0) }
    }

    /// Moves the `held` bytes of the pipe into a buffer, so that the pipe can be given back; false if that cannot be
    /// done now.
    mutating func unload(_ held: Int32, from pipes: borrowing PipePool) -> Bool {
        guard let pipe, held > 0 else { return false }
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(held), alignment: 1)
        // All of them are there, and nobody else takes any: one read gets them, or none.
        guard pipes.unload(pipe, into: bytes) == .moved(bytes.count) else {
            bytes.deallocate()
            return false
        }
        buffer?.deallocate()
        buffer = bytes.baseAddress
        offset = 0
        return true
    }

    /// Sends the first `count` bytes of the buffer to `sink` and keeps them.
    func send(_ count: Int32, to sink: borrowing Descriptor) {
        guard let buffer else { return }
        _ = sink.write(UnsafeRawBufferPointer(start: buffer, count: Int(count)))
    }

    /// Writes the `held` bytes that are left in the buffer to `sink`, and lets go of the buffer with the last of them.
    mutating func write(to sink: borrowing Descriptor, held: Int32) -> Transfer {
        guard let base = buffer else { return .wouldBlock }
        let transfer = sink.write(UnsafeRawBufferPointer(start: base + Int(offset), count: Int(held)))
        if case .moved(let count) = transfer {
            offset += Int32(truncatingIfNeeded: count)
            if count == Int(held) {
                base.deallocate()
                buffer = nil
            }
        }
        return transfer
    }
}
