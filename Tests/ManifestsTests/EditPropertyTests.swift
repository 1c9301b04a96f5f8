import Objects
import Testing

@testable import Manifests

/// Random edits: what a store has pieced together is what a fresh one reads, and what it told adds up to that.
@Suite("Any edits, in any order")
struct EditPropertyTests {
    /// So that a failure can be had again.
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    private static let files = (0..<6).flatMap { ["m/\($0).yaml", "n/\($0).yaml"] } + ["own.yaml", "m/list.json"]

    /// A few objects of a dozen names, so that files often have the same.
    private func text(_ random: inout Random, json: Bool) -> String {
        let objects = (0..<Int.random(in: 0..<5, using: &random)).map { _ in
            (name: "s\(Int.random(in: 0..<12, using: &random))", port: Int.random(in: 1...4, using: &random))
        }
        if json {
            let items = objects.map {
                #"{"kind": "Service", "metadata": {"name": "\#($0.name)"}, "spec": {"ports": [{"port": \#($0.port)}]}}"#
            }
            return #"{"items": [\#(items.joined(separator: ",\n"))], "kind": "List"}"#
        }
        return "# not empty\n" + objects.map { service($0.name, port: $0.port) }.joined(separator: "---\n")
    }

    private func edit(_ workspace: Workspace, _ random: inout Random, broken: inout Set<String>) throws {
        let name = Self.files.randomElement(using: &random) ?? ""
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
            try workspace.write(name, text(&random, json: name.hasSuffix("json")))
            broken.remove(name)
        case 4..<6:
            try workspace.replace(name, text(&random, json: name.hasSuffix("json")))
            broken.remove(name)
        case 6:
            try? workspace.remove(name)
            broken.remove(name)
        case 7:
            try workspace.write(name, "kind: [\n---\n" + service("s1", port: 9))
            broken.insert(name)
        case 8:
            // The folder goes for a moment.
            try workspace.move("n", to: "away")
            try workspace.move("away", to: "n")
        default:
            let other = Self.files.randomElement(using: &random) ?? ""
            guard name.hasSuffix("yaml"), other.hasSuffix("yaml"), !broken.contains(name) else { return }
            guard (try? workspace.size(of: name)) != nil else { return }
            try workspace.move(name, to: other)
            broken.remove(other)
        }
    }

    @Test("Pieced together equals read afresh", arguments: 0..<8)
    func property(_ seed: Int) throws {
        let workspace = try Workspace()
        for folder in ["m", "n"] { try workspace.makeFolder(folder) }
        let inputs = ["m", "own.yaml", "n"]
        try workspace.write("own.yaml", service("s1"))
        var random = Random(state: UInt64(seed))
        var broken: Set<String> = []
        var store = ManifestStore(inputs: inputs.map { .path(workspace.path($0)) })
        var told = Picture()
        store.load()
        told.take(&store)
        for _ in 0..<60 {
            for _ in 0..<Int.random(in: 1..<4, using: &random) { try edit(workspace, &random, broken: &broken) }
            if Bool.random(using: &random) { store.settle(&told) }
            guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
            // What is broken keeps what was there before, which a fresh store cannot know.
            for name in broken { try workspace.write(name, text(&random, json: name.hasSuffix("json"))) }
            if (try? workspace.size(of: "own.yaml")) == nil { try workspace.write("own.yaml", service("s2")) }
            broken = []
            store.settle(&told)
            let (_, fresh) = workspace.store(inputs[0], inputs[1], inputs[2])
            #expect(told == fresh)
        }
    }
}
