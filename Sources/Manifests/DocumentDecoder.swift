internal import Base
internal import Documents
internal import Objects

/// Decodes the objects of one document, or of one element of a list that is read by the piece: a single one, or those
/// of a list, each with errors of its own.
struct DocumentDecoder {
    /// Where a tree comes from, for messages.
    struct Origin {
        var file: String
        /// Nil where there is only one.
        var document: Int?
        /// Shared by all trees of a file.
        var strings: StringCache
        /// Also says what is probably not as it was meant, and what an API server would not take.
        var inspects = false
    }

    private let reference: TreeDecoder.Document
    private let origin: Origin
    /// The way to the tree's root from that of the document.
    private let prefix: [PathStep]
    private(set) var contents = FileContents()
    /// What aliases have brought.
    private var repeated: Set<Int> = []
    /// Of one object, that are told.
    private static let mostMistakes = 20

    private var tree: DocumentTree { reference.tree }

    /// - Parameter prefix: the way to the tree's root from that of the document.
    init(_ tree: DocumentTree, _ origin: Origin, prefix: [PathStep] = []) {
        reference = TreeDecoder.Document(tree, strings: origin.strings, notesFields: origin.inspects)
        self.origin = origin
        self.prefix = prefix
    }

    /// Decodes all that there is.
    ///
    /// - Parameters:
    ///   - items: the elements of the document's list, if they have been taken out of its tree.
    ///   - listKind: the kind of the list that the root is an element of, if any.
    mutating func decode(items: ListItems? = nil, listKind: ObjectKind? = nil) {
        guard let root = tree.root else { return }
        if let items, let form = ListForm(tree, root), form.isList,
            let list = tree.value(of: "items", in: root), tree.nodes[list].kind == .sequence
        {
            return contents.add(items.contents(of: form))
        }
        // An empty document is nothing, while an element that is null is a mistake.
        if tree.nodes[root].kind != .null || !prefix.isEmpty { take(root, listKind: listKind) }
    }

    /// - Parameter listKind: The kind of the elements of the typed list that the object stands in; API servers leave it
    ///   out of the elements themselves.
    private mutating func take(_ node: Int, listKind: ObjectKind?) {
        guard tree.nodes[node].kind == .mapping else {
            return fail(node, nil, path: [], "expected an object, found \(tree.description(of: node))")
        }
        if let form = ListForm(tree, node), form.isList { return takeItems(of: node, kind: form.elementKind) }
        guard let name = tree.text(at: ["kind"], in: node) ?? listKind?.rawValue, !name.isEmpty else {
            let near = key(near: "kind", in: node).map { ", found \($0): did you mean kind?" } ?? ""
            return fail(node, nil, path: [], "expected a field kind" + near)
        }
        let apiVersion = tree.text(at: ["apiVersion"], in: node)
        guard let kind = ObjectKind(rawValue: name) else { return takeOther(node, name, apiVersion) }
        if let apiVersion, apiVersion != kind.apiVersion {
            // Other projects have kinds of the same name, such as the Service of Knative.
            guard Self.isOfKubernetes(apiVersion) || NearMiss.of(apiVersion, among: [kind.apiVersion]) != nil else {
                return contents.skip("\(name) of \(apiVersion)")
            }
            let message = "expected \(kind.apiVersion), found \"\(apiVersion)\""
            return fail(node, id(kind, node), path: [.key("apiVersion")], message)
        }
        decode(kind, node)
        if origin.inspects { inspect(kind, node, lacksVersion: apiVersion == nil && listKind == nil) }
    }

    /// Takes an object of a kind that is not read, unless its kind was meant to be another.
    private mutating func takeOther(_ node: Int, _ name: String, _ apiVersion: String?) {
        guard apiVersion.map(Self.isOfKubernetes) ?? true,
            let meant = NearMiss.of(name, among: ObjectKind.allCases.map(\.rawValue))
        else { return contents.skip(name) }
        fail(node, nil, path: [.key("kind")], "there is no kind \(name): did you mean \(meant)?")
    }

    /// A key of a mapping that was probably meant to be another.
    private func key(near wanted: String, in node: Int) -> String? {
        tree.keys(of: node).lazy.map { tree.string($0) }.first { NearMiss.of($0, among: [wanted]) != nil }
    }

    private static func isOfKubernetes(_ apiVersion: String) -> Bool {
        ObjectKind.allCases.contains { group($0.apiVersion) == group(apiVersion) }
    }

    private mutating func takeItems(of list: Int, kind: ObjectKind?) {
        guard let items = tree.value(of: "items", in: list), tree.nodes[items].kind != .null else { return }
        guard tree.nodes[items].kind == .sequence else {
            return fail(list, nil, path: [.key("items")], "expected a list, found \(tree.description(of: items))")
        }
        for item in tree.elements(of: items) {
            let node = tree.resolve(item)
            // Aliases can bring the same element again: lists of lists would double with every line.
            if node == item || repeated.insert(node).inserted { take(node, listKind: kind) }
        }
    }

    private mutating func decode(_ kind: ObjectKind, _ node: Int) {
        reference.beginObject()
        // The last of two equal fields would win in silence, and be the wrong one half of the time.
        if let (key, first) = tree.duplicateKey(in: node) {
            let id = id(kind, node)
            let problem = problem(
                id, path: tree.path(to: key), line: Int(tree.nodes[key].line),
                "expected each field once, found it again after line \(tree.nodes[first].line)")
            return contents.add(FailedObject(id: id, problem: problem))
        }
        defer { reference.endDetours() }
        var told: Set<[PathStep]> = []
        // All its mistakes, as far as there are ways around them.
        while told.count < Self.mostMistakes {
            do {
                let object = try ClusterObject(kind, from: TreeDecoder(document: reference, node: node))
                guard told.isEmpty else { return }
                if origin.inspects { inspect(object, node) }
                return contents.add(
                    LoadedObject(object: object, line: Int(tree.nodes[node].line), document: origin.document))
            } catch let error as DecodingError {
                let path = error.path.map(PathStep.init)
                let place = error.place.map(PathStep.init)
                if told.insert(place).inserted {
                    let (line, message) = tree.explanation(of: error)
                    let id = id(kind, node)
                    contents.add(
                        FailedObject(id: id, problem: problem(id, kind: kind, path: path, line: line, message)))
                }
                guard reference.goAround(place) else { return }
            } catch {
                return fail(node, id(kind, node), path: [], "\(error)")
            }
        }
    }

    // MARK: Looking closely

    private mutating func inspect(_ kind: ObjectKind, _ node: Int, lacksVersion: Bool) {
        let id = id(kind, node)
        for field in reference.misspeltFields(in: node) {
            let message = "there is no such field: did you mean \(field.meant)?"
            contents.add(remark: problem(id, kind: kind, path: field.path, line: field.line, message))
        }
        guard lacksVersion, key(near: "apiVersion", in: node) == nil else { return }
        let message = "expected a field apiVersion, \(kind.apiVersion) for a \(kind.rawValue), found nothing"
        remark(node, id, .warning, path: [], message)
    }

    private mutating func inspect(_ object: ClusterObject, _ node: Int) {
        for finding in ObjectInspection(object).findings {
            remark(node, object.id, finding.severity, path: finding.path, finding.message)
        }
    }

    private mutating func remark(
        _ node: Int, _ id: ObjectID?, _ severity: ManifestProblem.Severity, path: [PathStep], _ message: String
    ) {
        let full = tree.path(to: node) + path
        var remark = problem(id, path: full, line: tree.locate(full).line, message)
        remark.severity = severity
        contents.add(remark: remark)
    }

    private mutating func fail(_ node: Int, _ id: ObjectID?, path: [PathStep], _ message: String) {
        let full = tree.path(to: node) + path
        let problem = problem(id, path: full, line: tree.locate(full).line, message)
        contents.add(FailedObject(id: id, problem: problem))
    }

    /// - Parameter path: from the root of the tree.
    private func problem(
        _ id: ObjectID?, kind: ObjectKind? = nil, path: [PathStep], line: Int, _ message: String
    ) -> ManifestProblem {
        let object = id?.description ?? kind?.rawValue
        let full = prefix + path
        return ManifestProblem(
            file: origin.file, line: line, document: origin.document, object: object?.onOneLine,
            field: full.isEmpty ? nil : full.fieldPath.onOneLine, message: message.onOneLine)
    }

    /// The name of an object that may be broken elsewhere.
    private func id(_ kind: ObjectKind, _ node: Int) -> ObjectID? {
        guard let name = tree.text(at: ["metadata", "name"], in: node), !name.isEmpty else { return nil }
        let namespace = tree.text(at: ["metadata", "namespace"], in: node) ?? ""
        return ObjectID(kind, ObjectKey(namespace: namespace.isEmpty ? "default" : namespace, name: name))
    }

    private static func group(_ apiVersion: String) -> Substring {
        apiVersion.contains("/") ? apiVersion.prefix { $0 != "/" } : ""
    }
}
