import ArgumentParser
import Manifests

/// `-f`: which manifests are read.
struct ManifestOptions: ParsableArguments {
    @Option(
        name: [.customShort("f", allowingJoined: true), .customLong("file")],
        help: ArgumentHelp(
            "A manifest, a folder of them (*.yaml, *.yml, *.json) or - for standard input; repeatable.",
            valueName: "path"),
        completion: .file(extensions: ["yaml", "yml", "json"]))
    var files: [String] = []

    @Flag(
        name: [.customShort("R"), .customLong("recursive")],
        help: "Read the folders of -f with all folders below them.")
    var isRecursive = false

    var inputs: [ManifestInput] { files.map { ManifestInput(argument: $0, isRecursive: isRecursive) } }

    func validate() throws {
        // Standard input can be read only once.
        guard files.count(where: { $0 == "-" }) <= 1 else { throw ValidationError("-f - is given twice") }
    }
}
