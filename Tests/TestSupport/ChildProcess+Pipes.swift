internal import Glibc

/// Held while a pipe exists that is not yet close-on-exec (Glibc's module lacks `pipe2`) and while a process is started:
/// a child that inherited the end of another's pipe would keep it open.
let spawnLock = Locked(())

/// A pipe to or from a child process. A socket pair would be close-on-exec at once, but programs cannot open
/// `/dev/stdout` when that is a socket.
final class PeerPipe: Sendable {
    let readEnd: Int32
    let writeEnd: Int32
    private let open = Locked((read: true, write: true))

    init() throws(PeerError) {
        var ends: [Int32] = [-1, -1]
        let status = spawnLock.withLock { _ in
            let status = pipe(&ends)
            for end in ends where end >= 0 { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return status
        }
        guard status == 0 else { throw PeerError.last("pipe") }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        closeReadEnd()
        closeWriteEnd()
    }

    func closeReadEnd() {
        open.withLock { open in
            if open.read { close(readEnd) }
            open.read = false
        }
    }

    func closeWriteEnd() {
        open.withLock { open in
            if open.write { close(writeEnd) }
            open.write = false
        }
    }

    func write(_ text: String) throws(PeerError) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(writeEnd, $0.baseAddress, $0.count) }
            guard count > 0 else { throw PeerError.last("write to the child") }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Collects what a child writes to one of its streams, on a thread of its own.
final class OutputCollector: Sendable {
    private let state = Locked((bytes: [UInt8](), complete: false))

    init(_ pipe: PeerPipe) throws(PeerError) {
        let state = state
        try spawnThread {
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            while true {
                let count = read(pipe.readEnd, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { break }
                state.withLock { $0.bytes.append(contentsOf: buffer[..<count]) }
            }
            state.withLock { $0.complete = true }
            pipe.closeReadEnd()
        }
    }

    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    var isComplete: Bool { state.withLock { $0.complete } }
}

/// Calls `body` with a null-terminated array of C strings, as exec and spawn take them.
func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { buffer in
        // The array has at least its terminator, so there is a base address.
        guard let base = buffer.baseAddress else { preconditionFailure("an array with a terminator is not empty") }
        return body(base)
    }
}

/// This process's environment with changes; an empty value removes a variable.
func mergedEnvironment(_ changes: [String: String]) -> [String] {
    var result: [String] = []
    var next = environ
    while let entry = next.pointee {
        let text = String(cString: entry)
        let name = String(text.prefix { $0 != "=" })
        if changes[name] == nil { result.append(text) }
        next += 1
    }
    return result + changes.filter { !$0.value.isEmpty }.map { "\($0.key)=\($0.value)" }
}
