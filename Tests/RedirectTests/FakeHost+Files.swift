import Foundation

func makeExecutable(_ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
}

func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
