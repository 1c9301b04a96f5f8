import Base
import Foundation
import Objects
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

    /// Renames, over whatever has the new name.
    func move(_ name: String, to other: String) throws { try #require(rename(path(name), path(other)) == 0) }

    func resize(_ name: String, to size: Int) throws { try #require(truncate(path(name), size) == 0) }

    func size(of name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return try #require(attributes[.size] as? Int)
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

    /// What a source says at first of files or folders.
    func load(_ names: String...) async -> Picture { await ManifestsTests.load(names.map { .path(path($0)) }) }

    /// A store of files or folders that has read them, and what it says.
    func store(_ names: String...) -> (ManifestStore, Picture) { store(names.map { .path(path($0)) }) }

    /// The same for a folder with those below it.
    func tree(_ name: String) -> (ManifestStore, Picture) { store([.tree(path(name))]) }

    private func store(_ inputs: [ManifestInput]) -> (ManifestStore, Picture) {
        var store = ManifestStore(inputs: inputs)
        var picture = Picture()
        store.load()
        picture.take(&store)
        return (store, picture)
    }
}

/// What a source says at first.
func load(_ inputs: [ManifestInput]) async -> Picture {
    var picture = Picture()
    if let update = await ManifestSource(inputs).next() { picture.take(update) }
    return picture
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

/// Reads text as a file of the given name.
func read(_ text: String, file: String = "web.yaml") -> FileContents {
    ManifestReader.read(Array(text.utf8), file: file)
}

extension FileContents {
    var names: [String] { objects.map(\.id.description) }
    var messages: [String] { problems(file: "web.yaml").map(\.description) }
}
