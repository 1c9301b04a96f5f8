public import Base
internal import CLinux

/// A file descriptor with exactly one owner, closed when that owner lets go of it.
///
/// Everything here is non-blocking and close-on-exec. Closing also takes the descriptor out of every epoll set, unless
/// it was duplicated: listening sockets may have been, for another process, and so ``EventLoop/unwatch(_:)`` goes
/// before their close.
public struct Descriptor: ~Copyable, Sendable {
    public let raw: Int32

    /// No descriptor: what is in the place of one that is not open yet.
    public static var none: Descriptor { Descriptor(owning: -1) }

    public var isOpen: Bool { raw >= 0 }

    /// Takes ownership of `raw`, which must be owned by nobody else.
    public init(owning raw: Int32) {
        self.raw = raw
    }

    deinit {
        if raw >= 0 { _ = portico_close(raw) }
    }

    /// A second descriptor of the same open socket or file, which lives until both are closed.
    public borrowing func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(owning: try SystemError.check(portico_duplicate(raw), "duplicate a descriptor"))
    }

    /// Gives the number up without closing it; the caller owns it from here on.
    public consuming func release() -> Int32 {
        let raw = self.raw
        discard self
        return raw
    }
}

/// Both ends of a pipe that splice moves bytes through.
public struct Pipe: ~Copyable, Sendable {
    public let readEnd: Descriptor
    public let writeEnd: Descriptor
    /// Bytes it can hold at best; fewer fit when segments are small, because each takes a page slot.
    public let capacity: Int

    /// A pipe of `capacity` bytes, or of what the kernel grants: an ordinary user over the limit
    /// `pipe-user-pages-soft` gets far less, so look at ``capacity``.
    public init(capacity: Int) throws(SystemError) {
        var read: Int32 = -1
        var write: Int32 = -1
        let granted = portico_pipe(Int32(clamping: capacity), &read, &write)
        try SystemError.check(granted, "create a pipe")
        self.readEnd = Descriptor(owning: read)
        self.writeEnd = Descriptor(owning: write)
        self.capacity = Int(granted)
    }
}
