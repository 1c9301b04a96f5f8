import ArgumentParser
import Manifests
import Objects

/// Which manifests are read and which of their Services count; shared by `dev` and `check`.
struct SelectionOptions: ParsableArguments {
    @OptionGroup var manifests: ManifestOptions
    var files: [String] { manifests.files }
    var inputs: [ManifestInput] { manifests.inputs }

    @Option(
        name: [.customShort("n", allowingJoined: true), .customLong("namespace")],
        help: ArgumentHelp("Only Services of this namespace; repeatable.", valueName: "namespace"),
        completion: Completions.namespaces,
        transform: { try NamespaceArgument($0) })
    var namespaces: [NamespaceArgument] = []

    @Flag(
        name: [.customShort("A"), .customLong("all-namespaces")],
        help: "Services of all namespaces, as without -n.")
    var isOfAllNamespaces = false

    @Option(
        name: [.customShort("l", allowingJoined: true), .customLong("selector")],
        help: ArgumentHelp(
            "Only Services with these labels: 'app=web,tier in (a, b),!legacy'.", valueName: "selector"),
        transform: { try LabelSelector($0) })
    var selector = LabelSelector()

    func validate() throws {
        guard !isOfAllNamespaces || namespaces.isEmpty else {
            throw ValidationError("-A means all namespaces, and -n some of them: leave out one")
        }
    }

    /// Whether a Service of this namespace with these labels is wanted.
    func includes(namespace: String, labels: [String: String]) -> Bool {
        (namespaces.isEmpty || namespaces.contains { $0.name == namespace }) && selector.matches(labels)
    }

    /// As it was asked for; empty for all Services.
    var text: String {
        let parts = namespaces.map { "-n \($0.name)" } + ["\(selector)"].filter { !$0.isEmpty }.map { "-l \($0)" }
        return parts.joined(separator: " ")
    }

    /// The namespace of names that are given without one: the only one of `-n`, else `default`.
    var defaultNamespace: String {
        namespaces.count == 1 ? namespaces[0].name : "default"
    }
}

/// The value of `-n`.
struct NamespaceArgument: Hashable, Sendable {
    let name: String

    init(_ text: String) throws(ArgumentError) {
        guard isDNSLabel(text[...]) else {
            throw ArgumentError("'\(text)' is not a namespace: lower-case letters, digits and '-', at most 63")
        }
        name = text
    }
}
