package import Base
internal import Glibc

/// Files of the kernel, whole, by system calls, since the errno of a write says what is wrong.
package enum KernelFile {
    /// The text without blanks and line feeds at its end.
    package static func read(_ path: String) -> Result<String, SystemError> {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return .failure(SystemError("open", path, code: errno)) }
        defer { close(file) }
        var text: [UInt8] = []
        // Their sizes say nothing, and the tables of sockets come in pieces.
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(SystemError("read", path, code: errno)) }
            if count == 0 { break }
            text += piece[..<count]
        }
        let end = text.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? 0
        return .success(String(decoding: text[..<end], as: UTF8.self))
    }

    /// Never makes a file.
    ///
    /// - Returns: the error, if there is one.
    static func write(_ text: String, to path: String) -> SystemError? {
        let file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        guard file >= 0 else { return SystemError("open", path, code: errno) }
        defer { close(file) }
        let bytes = Array(text.utf8)
        // In one call: the kernel takes each for a value of its own.
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
            return SystemError("write", path, code: errno)
        }
        return nil
    }

    /// The names in a folder, in the kernel's order; none if it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Where a symbolic link leads; nil if it is none or cannot be read. Those of the kernel are short.
    static func target(of link: String) -> String? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            let count = buffer.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink(link, $0, text.count) } ?? -1
            }
            return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
        }
    }
}
