import Glibc

/// Streams of bytes: one way up, one way down, and both ways at once. Blocking calls on a thread per direction cost the
/// least and leave the CPUs to the proxy.
extension Load {
    static func bulkUp(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        let connections = try connect(spec)
        defer { end(connections) }
        for connection in connections {
            startThread { write(to: connection, size: spec.messageSize) }
        }
        // What counts is what arrives, not what the kernel has taken from us.
        return Window(spec: spec, counters: counters, operations: .backendMessages, bytes: .backendBytes).run()
            .needingBytes()
    }

    static func bulkDown(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        let connections = try connect(spec)
        defer { end(connections) }
        for connection in connections {
            startThread { read(from: connection, size: spec.messageSize, counters) }
        }
        return Window(spec: spec, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
            .needingBytes()
    }

    static func echo(_ spec: LoadSpec, _ counters: Counters) throws(CallFailure) -> LoadResult {
        let connections = try connect(spec)
        defer { end(connections) }
        for connection in connections {
            startThread { write(to: connection, size: spec.messageSize) }
            startThread { read(from: connection, size: spec.messageSize, counters) }
        }
        return Window(spec: spec, counters: counters, operations: .clientOperations, bytes: .clientBytes).run()
            .needingBytes()
    }

    /// Wakes the threads and ends them, and with the connections the backend's.
    private static func end(_ connections: [Int32]) {
        for connection in connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }

    private static func write(to connection: Int32, size: Int) {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        memset(buffer, 0x50, size)
        while writeFully(connection, buffer, size) {}
    }

    private static func read(from connection: Int32, size: Int, _ counters: Counters) {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
        while true {
            let count = Glibc.read(connection, buffer, size)
            guard count > 0 else { return }
            counters.add(count, to: .clientBytes)
            counters.add(1, to: .clientOperations)
        }
    }
}

extension LoadResult {
    /// A window in which nothing arrived is a failure, not a very slow proxy.
    func needingBytes() -> LoadResult {
        var result = self
        if bytes == 0 { result.failure = "nothing arrived in the window" }
        return result
    }

    func needingOperations() -> LoadResult {
        var result = self
        if operations == 0 { result.failure = "no operation finished in the window (\(errors) failed)" }
        return result
    }
}
