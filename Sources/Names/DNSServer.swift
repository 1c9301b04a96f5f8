public import Base
public import EventLoop
public import Objects

/// A DNS server for the names of a table, over UDP and TCP on one address. It forwards nothing and remembers nothing.
///
/// It runs on a thread of its own, beside the relay's: a flood of queries takes nothing from connections but time on a
/// core.
public final class DNSServer: Sendable {
    /// Where it answers.
    public let address: SocketAddress

    private let loop: EventLoop
    private let thread: LoopThread
    /// Unsafe, since the compiler cannot see that its table is read and replaced on the loop's thread alone.
    private nonisolated(unsafe) let current: CurrentTable

    /// Starts to answer on `address`; with port 0 the kernel chooses one that is free for both protocols.
    ///
    /// - Throws: ``SystemError`` naming the address, when it is taken or needs privileges.
    public init(on address: SocketAddress, _ table: NameTable) throws(SystemError) {
        let loop = try EventLoop()
        let sockets = try DNSSockets(on: address)
        self.address = sockets.address
        let current = CurrentTable(table)
        // Made before the loop runs, and touched by its thread alone from then on. Only the thread holds it, so that
        // its sockets are closed when the thread ends.
        nonisolated(unsafe) let worker = try DNSWorker(on: loop, sockets, current)
        thread = try LoopThread(name: "dns") {
            _ = loop.run { worker.handle($0, $1) }
        }
        self.loop = loop
        self.current = current
    }

    deinit { stop() }

    /// Answers by what has changed from now on, nil for a Service that is gone. No answer is made from both old and
    /// new. Any thread.
    public func update(_ changes: [ObjectKey: NamedService?]) {
        // Not through self: the last one to let go of the server must not be its own thread, which it waits for.
        nonisolated(unsafe) let current = current
        loop.execute { current.table.update(changes) }
    }

    /// Ends it, with its connections, and waits for that. Idempotent; any thread but its own, one caller at a time.
    public func stop() {
        loop.stop()
        thread.join()
    }
}

/// The table that questions are answered from. Belongs to the loop's thread.
final class CurrentTable {
    var table: NameTable

    init(_ table: NameTable) { self.table = table }
}
