internal import Base
internal import Objects

/// Decodes the objects of one document: a single one, or those of a list, each with errors of its own.
struct DocumentDecoder {
    private let reference: TreeDecoder.Document
    private let file: String
    private let document: Int?
    private(set) var contents = FileContents()
    /// The lists that were taken.
    private var lists: Set<Int> = []

    private var tree: DocumentTree { reference.tree }

    init(tree: DocumentTree, file: String, document: Int?) {
        reference = TreeDecoder.Document(tree)
        self.file = file
        self.document = document
    }

    mutating func decode() {
        guard let root = tree.root, tree.nodes[root].kind != .null else { return }
        take(root, listKind: nil)
    }

    /// - Parameter listKind: The kind of the elements of the typed list that the object stands in; API servers leave it
    ///   out of the elements themselves.
    private mutating func take(_ node: Int, listKind: ObjectKind?) {
        guard tree.nodes[node].kind == .mapping else {
            return fail(node, nil, path: [], "expected an object, found \(tree.description(of: node))")
        }
        guard let name = text(["kind"], node) ?? listKind?.rawValue, !name.isEmpty else {
            return fail(node, nil, path: [], "expected a field kind")
        }
        let apiVersion = text(["apiVersion"], node)
        if name.hasSuffix("List"), ObjectKind(rawValue: name) == nil, apiVersion.map(isKnown) ?? true {
            return takeItems(of: node, kind: ObjectKind(rawValue: String(name.dropLast(4))))
        }
        guard let kind = ObjectKind(rawValue: name) else {
            contents.skipped[name, default: 0] += 1
            return
        }
        if let apiVersion, apiVersion != kind.apiVersion {
            // Other projects have kinds of the same name, such as the Service of Knative.
            guard group(apiVersion) == group(kind.apiVersion) else {
                contents.skipped["\(name) of \(apiVersion)", default: 0] += 1
                return
            }
            let message = "expected \(kind.apiVersion), found \"\(apiVersion)\""
            return fail(node, identity(kind, node), path: [.key("apiVersion")], message)
        }
        decode(kind, node)
    }

    private mutating func takeItems(of list: Int, kind: ObjectKind?) {
        // Aliases can bring the same list again, with the same objects: lists of those would double with every line.
        guard lists.insert(list).inserted else { return }
        guard let items = tree.value(of: "items", in: list), tree.nodes[items].kind != .null else { return }
        guard tree.nodes[items].kind == .sequence else {
            return fail(list, nil, path: [.key("items")], "expected a list, found \(tree.description(of: items))")
        }
        for item in tree.elements(of: items) { take(tree.resolve(item), listKind: kind) }
    }

    private mutating func decode(_ kind: ObjectKind, _ node: Int) {
        // The last of two equal fields would win in silence, and be the wrong one half of the time.
        let range = node..<tree.after(node)
        if let (key, first) = tree.duplicateKeys.first(where: { range.contains($0.key) }) {
            let problem = problem(
                identity(kind, node), path: tree.path(to: key), line: Int(tree.nodes[key].line),
                "expected each field once, found it again after line \(tree.nodes[first].line)")
            contents.failures.append(FailedObject(identity: identity(kind, node), problem: problem))
            return
        }
        do {
            let object = try ManifestObject(kind, from: TreeDecoder(document: reference, node: node))
            contents.objects.append(
                LoadedObject(
                    identity: object.identity, object: object, line: Int(tree.nodes[node].line), document: document))
        } catch let error as DecodingError {
            let path = error.path.map(PathStep.init)
            let (line, value) = tree.locate(path)
            let message = words(for: error, value: value)
            let identity = identity(kind, node)
            let problem = problem(identity, kind: kind, path: path, line: line, message)
            contents.failures.append(FailedObject(identity: identity, problem: problem))
        } catch {
            fail(node, identity(kind, node), path: [], "\(error)")
        }
    }

    /// The words of an error, with what was found where they lack it.
    private func words(for error: DecodingError, value: Int?) -> String {
        var message = error.expectation
        if case .keyNotFound = error { return message }
        guard let value else { return message }
        if !message.contains(", found ") { message += ", found \(tree.description(of: value))" }
        switch tree.nodes[value].kind {
        case .yes, .no, .integer, .decimal:
            // The commonest mistake of all: `version: 1.0` as a label.
            if message.hasPrefix("expected text, ") { message += " (put it in quotes)" }
        default: break
        }
        return message
    }

    private mutating func fail(_ node: Int, _ identity: ObjectIdentity?, path: [PathStep], _ message: String) {
        let full = tree.path(to: node) + path
        let line = tree.locate(full).line
        let problem = problem(identity, path: full, line: line, message)
        contents.failures.append(FailedObject(identity: identity, problem: problem))
    }

    private func problem(
        _ identity: ObjectIdentity?, kind: ObjectKind? = nil, path: [PathStep], line: Int, _ message: String
    ) -> ManifestProblem {
        let object = identity?.description ?? kind?.rawValue
        return ManifestProblem(
            file: file, line: line, document: document, object: object?.onOneLine,
            field: path.isEmpty ? nil : path.fieldPath.onOneLine, message: message.onOneLine)
    }

    // MARK: Reading without decoding

    /// The name of an object that may be broken elsewhere.
    private func identity(_ kind: ObjectKind, _ node: Int) -> ObjectIdentity? {
        guard let name = text(["metadata", "name"], node), !name.isEmpty else { return nil }
        let namespace = text(["metadata", "namespace"], node) ?? ""
        return ObjectIdentity(kind: kind, namespace: namespace.isEmpty ? "default" : namespace, name: name)
    }

    private func text(_ path: [String], _ node: Int) -> String? {
        var node = node
        for key in path {
            guard tree.nodes[node].kind == .mapping, let value = tree.value(of: key, in: node) else { return nil }
            node = value
        }
        return tree.nodes[node].kind == .text ? tree.string(node) : nil
    }

    private func group(_ apiVersion: String) -> Substring {
        apiVersion.contains("/") ? apiVersion.prefix { $0 != "/" } : ""
    }

    private func isKnown(_ apiVersion: String) -> Bool {
        ObjectKind.allCases.contains { $0.apiVersion == apiVersion }
    }
}
