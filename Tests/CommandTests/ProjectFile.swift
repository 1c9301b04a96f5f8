import Glibc
import Testing

/// The path of a file of the project, such as `docs/dev.svg`.
func projectPath(_ name: String) -> String {
    #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/" + name
}

/// Its text.
func projectFile(_ name: String) throws -> String {
    let file = try #require(fopen(projectPath(name), "r"), "\(projectPath(name))")
    defer { fclose(file) }
    var (text, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { text += buffer[..<count] }
    return String(decoding: text, as: UTF8.self)
}
