internal import Documents
internal import Objects

/// A cluster, user or context of a kubeconfig.
struct KubeconfigEntry {
    let file: String
    private let document: TreeDecoder.Document
    let section: KubeconfigFile.Section
    let name: String
    private let element: Int

    /// - Parameter element: of the section's list: a mapping with `name` and what it holds.
    init(
        file: String, document: TreeDecoder.Document, section: KubeconfigFile.Section, name: String, element: Int
    ) {
        self.file = file
        self.document = document
        self.section = section
        self.name = name
        self.element = element
    }

    private var tree: DocumentTree { document.tree }

    /// What the entry holds; nil for an entry that is nothing but a name.
    private var node: Int? {
        guard let node = tree.value(of: section.element, in: element), tree.nodes[node].kind != .null else {
            return nil
        }
        return node
    }

    /// The fields of the entry. Those that are not known are left out.
    func decode<Record: KubeconfigRecord>(_ type: Record.Type) throws(KubeconfigError) -> Record {
        guard let node else { return Record() }
        // The last of two equal fields would win in silence, and be the wrong one half of the time.
        if let (key, first) = tree.duplicateKey(in: element) {
            throw error(
                field: relative(tree.path(to: key)).fieldPath, line: Int(tree.nodes[key].line),
                "expected each field once, found it again after line \(tree.nodes[first].line)")
        }
        do {
            return try Record(from: TreeDecoder(document: document, node: node))
        } catch let error as DecodingError {
            let (line, message) = tree.explanation(of: error)
            let path = relative(error.path.map(PathStep.init))
            throw self.error(field: path.isEmpty ? nil : path.fieldPath, line: line, message)
        } catch {
            throw self.error("\(error)")
        }
    }

    /// One of the entry's extensions, whatever it is, as JSON; nil if there is none of this name.
    func extensionJSON(_ name: String) throws(KubeconfigError) -> String? {
        guard let node, let list = tree.value(of: "extensions", in: node), tree.nodes[list].kind == .sequence
        else { return nil }
        for element in tree.elements(of: list).map(tree.resolve) where tree.nodes[element].kind == .mapping {
            guard let key = tree.value(of: "name", in: element), tree.string(key) == name,
                let value = tree.value(of: "extension", in: element)
            else { continue }
            guard let json = tree.json(of: value, atMost: LocalFile.mostBytes) else {
                throw error(field: "extensions", "\(name) is larger than \(LocalFile.mostBytes) bytes")
            }
            return json
        }
        return nil
    }

    /// A path that stands in the entry, which is meant from the folder of its file on.
    func whole(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        guard let slash = file.lastIndex(of: "/") else { return "./" + path }
        return file[...slash] + path
    }

    // MARK: Errors

    func error(field: String? = nil, line: Int? = nil, _ message: String) -> KubeconfigError {
        let path = tree.path(to: element) + [.key(section.element)]
        // No field that is named here has a dot in its own name.
        let steps = (field ?? "").split(separator: ".").map { PathStep.key(String($0)) }
        return KubeconfigError(
            message, file: file, line: line ?? tree.locate(path + steps).line, entry: "\(section.element) \"\(name)\"",
            field: field)
    }

    /// The way from what the entry holds. An anchor elsewhere is named by its whole way.
    private func relative(_ path: [PathStep]) -> [PathStep] {
        let own = tree.path(to: element) + [.key(section.element)]
        return path.starts(with: own) ? Array(path.dropFirst(own.count)) : path
    }
}
