import Glibc

/// Standard output or standard error: whole lines, and whether a person is watching.
struct StandardStream: Sendable {
    let descriptor: Int32

    static let output = StandardStream(descriptor: STDOUT_FILENO)
    static let error = StandardStream(descriptor: STDERR_FILENO)

    /// Writes all of `text`, past the buffers of stdio: a line must be out when the next thing happens, also in a pipe.
    ///
    /// Errors are dropped. There is nobody left to tell, and a proxy does not end because its reader has.
    func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while rest.count > 0 {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written < 0 && errno == EINTR { continue }
                if written < 0 && errno == EAGAIN {
                    // The terminal may be non-blocking because another program that shares it made it so.
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, 1000)
                    continue
                }
                guard written > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }

    func write(_ line: JSONLine) { write(line.text) }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Whether colours are seen and wanted: on a terminal that has them, unless NO_COLOR says otherwise.
    var takesColour: Bool {
        func value(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isTerminal && value("NO_COLOR").isEmpty && value("TERM") != "dumb"
    }
}
