internal import Glibc

/// The bytes of a file.
public func contents(of path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ScriptError("open \(path): errno \(errno)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = read(descriptor, &piece, piece.count)
        guard count >= 0 else { throw ScriptError("read \(path): errno \(errno)") }
        if count == 0 { return bytes }
        bytes += piece[..<count]
    }
}
