import Glibc
import Testing

@testable import Manifests

@Suite("Reading files")
struct FileReadingTests {
    @Test("Whole, whatever their size", arguments: [0, 1, 65_535, 65_536, 65_537, 1_000_000])
    func sizes(_ size: Int) throws {
        let workspace = try Workspace()
        let text = String((0..<size).map { Character(UnicodeScalar(UInt8(97 + $0 % 26))) })
        try workspace.write("a", text)
        let reading = try FileSystem.read(workspace.path("a"), isStream: false).get()
        #expect(reading.text.bytes.elementsEqual(text.utf8))
        #expect(reading.fingerprint?.size == Int64(size))
    }

    @Test("What the kernel makes up while it is read claims no size")
    func kernelFile() throws {
        let reading = try FileSystem.read("/proc/self/status", isStream: false).get()
        #expect(String(decoding: reading.text.bytes, as: UTF8.self).contains("VmRSS"))
    }

    @Test("Each change of a file or folder changes what tells its states apart")
    func fingerprints() throws {
        let workspace = try Workspace()
        func kind(_ name: String) throws -> FileKind { try FileSystem.kind(of: workspace.path(name)).get() }
        try workspace.makeFolder("m")
        try workspace.write("m/a", "one")
        let (file, folder) = (try kind("m/a"), try kind("m"))
        usleep(20_000)
        try workspace.write("m/a", "two")
        #expect(try kind("m/a") != file)
        #expect(try kind("m") == folder, "a folder does not change with what is in its files")
        try workspace.write("m/b", "")
        #expect(try kind("m") != folder)
        guard case .folder(let stamp) = folder, case .folder(let now) = try kind("m") else {
            Issue.record("no folder")
            return
        }
        #expect(stamp.identity == now.identity)
        #expect(now.isFresh(at: FileSystem.now()) && !now.isFresh(at: FileSystem.now() + 1_000_000_000))
    }

    @Test("A list of many megabytes, given back while it is read, is read whole")
    func large() async throws {
        let workspace = try Workspace()
        let padding = String(repeating: "x", count: 1 << 20)
        let items = (0..<12).map {
            #"{"kind": "Service", "metadata": {"name": "s\#($0)", "annotations": {"a": "\#(padding)"}}, "spec": {}}"#
        }
        try workspace.write("list.json", #"{"items": [\#(items.joined(separator: ",\n"))], "kind": "List"}"#)
        var (store, picture) = workspace.store("list.json")
        #expect(picture.problems.isEmpty)
        #expect(picture.services == (0..<12).map { "s\($0):0" }.sorted())
        try workspace.write("list.json", #"{"items": [\#(items.joined(separator: ",\n")), 1], "kind": "List"}"#)
        #expect(store.settle(&picture).names == [])
        #expect(picture.messages(workspace) == ["list.json:12: items[12]: expected an object, found 1"])
    }
}
