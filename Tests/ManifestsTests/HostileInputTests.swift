import Base
import Objects
import TestSupport
import Testing

@testable import Manifests

/// Files that are made to cost time or memory. Without their guards most of these would take hours or all there is.
@Suite("Hostile input", .timeLimit(.minutes(1)))
struct HostileInputTests {
    @Test("A file that claims a terabyte is refused unread")
    func sparse() async throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web"))
        var (store, picture) = workspace.store("web.yaml")
        try workspace.resize("web.yaml", to: 1 << 40)
        store.settle(&picture)
        #expect(picture.services == ["web:80"])
        #expect(
            picture.messages(workspace) == [
                "web.yaml: cannot be read: it is larger than 2 GiB; its last good state stays in use"
            ])
    }

    @Test("A file of very many mistakes has a thousand to tell")
    func mistakes() {
        let json = #"{"kind": "List", "items": ["# + String(repeating: "1,", count: 19_999) + "1]}"
        let contents = read(json, file: "web.json")
        #expect(contents.messages.count == 1001)
        #expect(contents.messages.last == "web.yaml: 19000 more mistakes")
        let misspelt = (0..<700).map { #"{"kind": "Service", "metadata": {"name": "a\#($0)"}, "spec": {"prots": []}}"# }
        let list = #"{"kind": "ServiceList", "items": ["# + misspelt.joined(separator: ",") + "]}"
        let looked = ManifestReader.read(
            Array("\(list)\n\(list)".utf8), file: "web.json", inspects: true)
        #expect(
            looked.messages.count == 1001 && looked.messages.last == "web.yaml: 400 more mistakes",
            "\(looked.messages.suffix(2))")
        let documents = read(String(repeating: "- 1\n---\n", count: 3_000))
        #expect(documents.messages.count == 1001)
    }

    @Test("Mistakes beyond those that are told keep what may have been theirs")
    func retained() throws {
        let workspace = try Workspace()
        try workspace.write("web.yaml", service("web"))
        var (store, picture) = workspace.store("web.yaml")
        try workspace.write("web.yaml", (0..<1500).map { service("a\($0)", port: 0) }.joined(separator: "---\n"))
        store.settle(&picture)
        #expect(picture.services == ["web:80"])
    }

    @Test("A thousand other kinds make a short note")
    func kinds() throws {
        let contents = read((0..<1000).map { "kind: K\($0)\n---\n" }.joined())
        let note = try #require(contents.skippedNote(file: "web.yaml"))
        #expect(note.hasSuffix(" and 980 of other kinds"))
        #expect(note.utf8.count < 400)
    }

    @Test("Very many labels", arguments: [false, true])
    func labels(isMerged: Bool) {
        let labels = (0..<20_000).map { "l\($0): x" }.joined(separator: ", ")
        let text =
            isMerged
            ? "base: &base {\(labels)}\nkind: Service\nmetadata: {name: web, labels: {<<: *base, own: y}}\nspec: {}\n"
            : "kind: Service\nmetadata: {name: web, labels: {own: y, \(labels)}}\nspec: {}\n"
        let contents = read(text)
        #expect(contents.messages.isEmpty)
        guard case .service(let service)? = contents.objects.first?.object else {
            Issue.record("no service")
            return
        }
        #expect(service.metadata.labels.count == 20_001)
        #expect(service.metadata.labels["own"] == "y" && service.metadata.labels["l19999"] == "x")
    }

    @Test("An alias of an object brings it once, however often it stands there")
    func repeatedObject() {
        let ports = (1...500).map { "{name: p\($0), port: \($0)}" }.joined(separator: ", ")
        let object = "{kind: Service, metadata: {name: web}, spec: {ports: [\(ports)]}}"
        let text = "kind: List\nitems:\n- &web \(object)\n" + String(repeating: "- *web\n", count: 20_000)
        #expect(read(text).names == ["Service default/web", "Service default/web"])
    }

    @Test("Lists of aliases of lists do not double")
    func listBomb() {
        var text = "a0: &a0 {kind: List, items: [{kind: Service, metadata: {name: web}, spec: {}}]}\n"
        for level in 1...40 { text += "a\(level): &a\(level) {kind: List, items: [*a\(level - 1), *a\(level - 1)]}\n" }
        let contents = read(text + "kind: List\nitems: [*a40, *a40]\n")
        #expect(contents.objects.count == 1)
    }

    @Test("Aliases that make a large file of a small one are refused")
    func aliasBomb() {
        let endpoints = (0..<1000).map { "{addresses: [10.0.\($0 / 256).\($0 % 256)]}" }.joined(separator: ", ")
        var text = "kind: List\nbase: &base [\(endpoints)]\nitems:\n"
        for number in 0..<1000 {
            text += "- {kind: EndpointSlice, metadata: {name: s\(number)}, addressType: IPv4, endpoints: *base}\n"
        }
        let contents = read(text)
        #expect(contents.objects.count < 500)
        #expect(
            contents.messages.first?.hasSuffix(
                "expected fewer aliases, found that they repeat most of the document many times") == true)
        // As many slices as people have, each with the same endpoints, are fine.
        let few = read(text.split(separator: "\n").prefix(103).joined(separator: "\n"))
        #expect(few.objects.count == 100 && few.messages.isEmpty)
    }

    @Test("Looking closely at a list takes as long for each object, however many there are")
    func longList() {
        func time(_ count: Int) -> Duration {
            let items = (0..<count).map { "- {kind: Service, metadata: {name: a\($0)}, spec: {ports: [{port: 80}]}}\n" }
            let text = Array(("apiVersion: v1\nkind: ServiceList\nitems:\n" + items.joined()).utf8)
            return processorTime {
                #expect(ManifestReader.read(text, file: "web.yaml", inspects: true).objects.count == count)
            }
        }
        // Eight times as many: 64 times as long if each went through those before it.
        #expect(time(8_000) < time(1_000) * 24)
    }

    @Test("Bytes that are no text, and zeros")
    func bytes() {
        for file in ["web.yaml", "web.json"] {
            for bytes: [UInt8] in [
                [0], Array(repeating: 0, count: 5000), [0xEF, 0xBB, 0xBF], [0x7B, 0], [0xFF, 0xFE],
            ] {
                #expect(ManifestReader.read(bytes, file: file).objects.isEmpty)
            }
        }
    }

    @Test("A name with a line break stays on one line")
    func name() async throws {
        let workspace = try Workspace()
        try workspace.makeFolder("m")
        try workspace.write("m/a\nerror: b.yaml", service("web", port: 0))
        let picture = await workspace.load("m")
        #expect(picture.problems.count == 1)
        #expect(picture.problems.allSatisfy { !$0.description.contains(where: \.isNewline) })
    }

    @Test("The same object in very many files")
    func sameObject() throws {
        let workspace = try Workspace()
        try workspace.makeFolder("m")
        for number in 0..<500 { try workspace.write("m/\(1000 + number).yaml", service("web", port: 1 + number)) }
        var (store, picture) = workspace.store("m")
        #expect(picture.services == ["web:500"])
        #expect(picture.problems.count == 499)
        try workspace.remove("m/1499.yaml")
        #expect(store.settle(&picture).names == ["Service default/web"])
        #expect(picture.services == ["web:499"])
    }
}
