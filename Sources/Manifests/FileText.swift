internal import Glibc

/// The bytes of a file while it is read. What has been read for the last time can be given back before the end is
/// reached, so that a large file and all that is made of it are not in memory at once.
///
/// Unsafe, because no array gives back a part of itself. It has one owner at a time, which does not hand out `bytes`
/// for longer than a call, and reads nothing before the place up to which it has released.
final class FileText {
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var count = 0
    private var released = 0

    /// Bytes that are worth a call.
    private static let step = 4 << 20

    deinit { free(memory) }

    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: UnsafePointer(memory?.assumingMemoryBound(to: UInt8.self)), count: count)
    }

    /// Appends what `body` writes into room for `size` bytes.
    ///
    /// - Parameter body: returns how many bytes it has written; less than 0 if none for an error.
    /// - Returns: what `body` returns, or -1 with ENOMEM if there is no room to be had.
    func append(_ size: Int, _ body: (UnsafeMutableRawPointer) -> Int) -> Int {
        if capacity - count < size {
            // Twice as much for what comes in pieces of which nobody knows the number.
            let wanted = max(count + size, count == 0 ? 0 : 2 * capacity)
            guard let larger = realloc(memory, wanted) else { return -1 }
            (memory, capacity) = (larger, wanted)
        }
        guard let memory else { return -1 }
        let result = body(memory + count)
        count += max(result, 0)
        return result
    }

    /// Gives back what stands before `position`; nobody reads it again.
    func release(upTo position: Int) {
        guard let memory, position - released >= Self.step else { return }
        let page = Int(getpagesize())
        let first = (Int(bitPattern: memory) + released + page - 1) / page * page
        let end = (Int(bitPattern: memory) + position) / page * page
        // Whole pages of memory that nobody else has; if it does not work, it stays until the end.
        if let start = UnsafeMutableRawPointer(bitPattern: first) { madvise(start, end - first, MADV_DONTNEED) }
        released = position
    }
}
