import Base
import Objects

/// A project file made from what manifests have: what is sure as fields, what a user may want as comments that name
/// real Services.
struct ProjectDraft {
    /// One file below the project's folder.
    struct File {
        /// From that folder on.
        let path: String
        let objects: [ObjectID]
        let hasMistakes: Bool

        var folder: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }
    }

    /// With more, all folders are read.
    private static let mostPaths = 12

    let files: [File]
    /// With the first of their ports; 0 for none.
    let services: [ObjectKey: UInt16]

    /// Folders with manifests, and files of folders in which others are none.
    var paths: [String] {
        let folders = Dictionary(grouping: files, by: \.folder)
        let paths = folders.flatMap { folder, files -> [String] in
            let useful = files.filter { !$0.objects.isEmpty }
            guard !useful.isEmpty else { return [] }
            return files.contains(where: \.hasMistakes) ? useful.map(\.path) : [folder]
        }
        return paths.sorted()
    }

    var text: String {
        let paths = paths
        let isRecursive = paths.count > Self.mostPaths
        var lines = [
            "# What 'portico dev' does in this folder and below it. Flags win over it.", "", "manifests:",
        ]
        lines += (isRecursive ? ["."] : paths).map { "- " + Self.quoted($0) }
        if isRecursive { lines.append("recursive: true") }
        lines += namespaceLines
        if !files.flatMap(\.objects).contains(where: { $0.kind.isOfEndpoints }) {
            lines += [
                "", "# Nothing in the manifests says where their pods are, so Portico plays them.", "demoPods: true",
            ]
        }
        let keys = services.keys.sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
        if let first = keys.first(where: { services[$0] != 0 }), let port = services[first] {
            let name = spelled(first)
            lines += [
                "", "# One of them from this machine, where you run it on a port of yours:", "# local:",
                "# - \(name)=3000", "",
                "# One at a port of your choice:", "# publish:", "# - \(name):\(port)=\(Self.highPort(port))",
            ]
        }
        lines += [
            "", "# A program that finds them by name, and with which Portico ends:", "# command: [npm, start]",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// The namespaces of all Services, in the order of their names.
    private var namespaces: [String] { Set(services.keys.map(\.namespace)).sorted() }

    /// That of all, if there is one: then names without a namespace are of that.
    private var ownNamespace: String { namespaces.count == 1 ? namespaces[0] : "default" }

    private var namespaceLines: [String] {
        let namespaces = namespaces
        guard namespaces != ["default"] else { return [] }
        if namespaces.count == 1 { return ["namespaces: [\(Self.quoted(namespaces[0]))]"] }
        return [
            "", "# Some of the namespaces alone:",
            "# namespaces: [\(namespaces.map(Self.quoted).joined(separator: ", "))]",
        ]
    }

    private func spelled(_ key: ObjectKey) -> String {
        key.namespace == ownNamespace ? key.name : "\(key.namespace)/\(key.name)"
    }

    /// One that an ordinary user may listen at.
    private static func highPort(_ port: UInt16) -> UInt16 { port < 1024 ? port + 8000 : port }

    /// As YAML takes it for text.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        // Words such as `on`, and what begins like a number, mean something else.
        let hasMeaning = ["yes", "no", "on", "off", "true", "false", "null", "y", "n"].contains(text.lowercased())
        let isText = text == "." || text.first?.isLetter == true && !hasMeaning
        return isPlain && isText ? text : JSONValue.string(text).text
    }
}

extension ObjectKind {
    fileprivate var isOfEndpoints: Bool {
        switch self {
        case .endpointSlice, .endpoints, .pod: true
        default: false
        }
    }
}
