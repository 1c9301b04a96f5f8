import Base
import Foundation
import Objects
import Resolution
import Testing

@testable import Manifests

/// A folder of its own for one test, gone with it.
final class Workspace: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/manifests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes in place, as `cat > file` does.
    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path(name)))
    }

    /// Writes a new file and renames it over the old one, as most editors do.
    func replace(_ name: String, _ text: String) throws {
        try write(".new", text)
        try #require(rename(path(".new"), path(name)) == 0)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    }

    /// Makes a symbolic link, in place of an older one in a single step.
    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path(".link"), withDestinationPath: target)
        try #require(rename(path(".link"), path(name)) == 0)
    }

    func load(_ names: String...) async -> ManifestResult {
        await ManifestSource(names.map { .path(path($0)) }).load()
    }
}

/// Recorded objects, by path below the fixtures' folder.
func fixture(_ name: String) throws -> String {
    let base = try #require(Bundle.module.resourcePath)
    return "\(base)/Fixtures/\(name)"
}

func service(_ name: String, port: Int = 80) -> String {
    """
    apiVersion: v1
    kind: Service
    metadata: {name: \(name)}
    spec:
      ports:
      - port: \(port)

    """
}

extension ManifestResult {
    /// `name:port` of every service, sorted.
    var services: [String] {
        state.services.map { "\($0.metadata.name):\($0.spec.ports.first?.port ?? 0)" }.sorted()
    }

    /// Problems as text, with the folder of the test taken off.
    func messages(_ workspace: Workspace) -> [String] {
        problems.map { $0.description.replacingOccurrences(of: workspace.path + "/", with: "") }
    }
}

/// Reads text as a file of the given name.
func read(_ text: String, file: String = "web.yaml") -> FileContents {
    ManifestReader.read(Array(text.utf8), file: file)
}

extension FileContents {
    var names: [String] { objects.map(\.identity.description) }
    var messages: [String] { failures.map(\.problem.description) }
}
