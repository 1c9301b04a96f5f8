internal import Documents
internal import Objects

/// What the fields `kind` and `apiVersion` say about whether an object is a list.
struct ListForm {
    private let name: String
    private let apiVersion: String?

    /// Nil if there is no kind (yet).
    init?(_ tree: DocumentTree, _ node: Int) {
        guard let name = tree.text(at: ["kind"], in: node) else { return nil }
        self.name = name
        apiVersion = tree.text(at: ["apiVersion"], in: node)
    }

    /// A list of Kubernetes' own: `List`, `ServiceList`. Other projects' lists are skipped, as their objects are.
    var isList: Bool {
        guard name == "List" || elementKind != nil else { return false }
        return apiVersion.map { version in ObjectKind.allCases.contains { $0.apiVersion == version } } ?? true
    }

    /// The kind of the elements, if all are of one.
    var elementKind: ObjectKind? { name.hasSuffix("List") ? ObjectKind(rawValue: String(name.dropLast(4))) : nil }
}

/// The elements of a list, decoded while it is read: each has a tree of its own, which is gone before the next is read.
/// The list of a whole cluster would otherwise take many times the room of its objects.
final class ListItems: JSONListItems {
    private let origin: DocumentDecoder.Origin
    /// Whose bytes are given back once their element has been taken.
    private let spent: FileText?
    private var decoded = FileContents()
    /// Elements without a kind that stand before that of the list.
    private var undecided: [(tree: DocumentTree, index: Int)] = []

    init(_ origin: DocumentDecoder.Origin, spent: FileText?) {
        self.origin = origin
        self.spent = spent
    }

    func take(_ item: DocumentTree, at index: Int, of list: DocumentTree, end: Int) {
        defer { spent?.release(upTo: end) }
        if let form = ListForm(list, 0) {
            if form.isList { decode(item, at: index, form.elementKind) }
        } else if undecided.isEmpty, item.text(at: ["kind"], in: 0) != nil {
            decode(item, at: index, nil)
        } else {
            undecided.append((item, index))
        }
    }

    /// What there is, now that all of the list has been read.
    func contents(of form: ListForm) -> FileContents {
        for (tree, index) in undecided { decode(tree, at: index, form.elementKind) }
        undecided = []
        return decoded
    }

    private func decode(_ item: DocumentTree, at index: Int, _ listKind: ObjectKind?) {
        var decoder = DocumentDecoder(item, origin, prefix: [.key("items"), .index(index)])
        decoder.decode(listKind: listKind)
        decoded.add(decoder.contents)
    }
}
