internal import Documents
internal import Objects

/// One kubeconfig. Its entries are found by name and decoded only when they are used, so that a mistake in one keeps
/// nobody from another.
struct KubeconfigFile {
    enum Section: String {
        case clusters, users, contexts

        /// As an entry calls what it holds.
        var element: String { String(rawValue.dropLast()) }
    }

    let path: String
    private let document: TreeDecoder.Document
    private(set) var currentContext: String?
    private var entries: [Section: [(name: String, node: Int)]] = [:]

    init(_ bytes: [UInt8], path: String) throws(KubeconfigError) {
        self.path = path
        do throws(SyntaxError) {
            document = TreeDecoder.Document(try DocumentTree.read(bytes))
        } catch {
            throw KubeconfigError(error.message, file: path, line: error.line)
        }
        guard let root = tree.root, tree.nodes[root].kind != .null else { return }
        guard tree.nodes[root].kind == .mapping else { throw error(root, "a kubeconfig") }
        if let kind = try text("kind", in: root), kind != "Config" {
            throw error(field: "kind", "expected Config, found \"\(kind)\"; this is no kubeconfig")
        }
        currentContext = try text("current-context", in: root)
        for section in [Section.clusters, .users, .contexts] { entries[section] = try list(section, in: root) }
    }

    private var tree: DocumentTree { document.tree }

    /// The entries of a section by name, with the list's elements.
    private func list(_ section: Section, in root: Int) throws(KubeconfigError) -> [(name: String, node: Int)] {
        guard let list = tree.value(of: section.rawValue, in: root), tree.nodes[list].kind != .null else {
            return []
        }
        guard tree.nodes[list].kind == .sequence else { throw error(list, "a list") }
        var entries: [(name: String, node: Int)] = []
        for element in tree.elements(of: list) {
            let node = tree.resolve(element)
            guard tree.nodes[node].kind == .mapping else { throw error(node, "an object") }
            guard let name = try text("name", in: node) else { continue }
            entries.append((name, node))
        }
        return entries
    }

    func names(_ section: Section) -> [String] { entries[section, default: []].map(\.name) }

    /// Nil if the file has none of this name.
    func entry(_ section: Section, _ name: String) throws(KubeconfigError) -> KubeconfigEntry? {
        let found = entries[section, default: []].filter { $0.name == name }
        guard let first = found.first else { return nil }
        let entry = KubeconfigEntry(file: path, document: document, section: section, name: name, element: first.node)
        if found.count > 1 {
            let line = tree.nodes[found[1].node].line
            throw entry.error("expected one of this name, found another in line \(line)")
        }
        return entry
    }

    // MARK: Errors

    /// A field that is text, if it is there; the empty text is none.
    private func text(_ key: String, in mapping: Int) throws(KubeconfigError) -> String? {
        guard let node = tree.value(of: key, in: mapping), tree.nodes[node].kind != .null else { return nil }
        guard tree.nodes[node].kind == .text else { throw error(node, "text") }
        let text = tree.string(node)
        return text.isEmpty ? nil : text
    }

    private func error(_ node: Int, _ expected: String) -> KubeconfigError {
        let field = tree.path(to: node).fieldPath
        return KubeconfigError(
            "expected \(expected), found \(tree.description(of: node))", file: path, line: Int(tree.nodes[node].line),
            field: field.isEmpty ? nil : field)
    }

    private func error(field: String, _ message: String) -> KubeconfigError {
        KubeconfigError(message, file: path, line: tree.locate([.key(field)]).line, field: field)
    }
}
