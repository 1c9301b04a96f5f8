internal import Base
internal import Documents
internal import Objects

/// An object as it came from an API server, before it is decoded. Its name and version can be read already: an object
/// whose version is known need not be decoded.
struct WireObject {
    let kind: ObjectKind
    private let tree: DocumentTree
    private let node: Int

    /// - Parameter node: of anything at all; what is no object has no name and cannot be decoded.
    init(_ kind: ObjectKind, _ tree: DocumentTree, _ node: Int) {
        self.kind = kind
        self.tree = tree
        self.node = node
    }

    /// Nil if it does not say its name, or one that no object can have.
    var id: ObjectID? { ObjectID(kind, namespace: text("metadata", "namespace"), name: text("metadata", "name")) }

    var version: String? { text("metadata", "resourceVersion") }

    func text(_ path: String...) -> String? {
        tree.nodes[node].kind == .mapping ? tree.text(at: path, in: node) : nil
    }

    func decode(_ strings: StringCache) throws(UnreadableObject) -> ClusterObject {
        // A list leaves the kind out of its elements.
        if let found = text("kind"), found != kind.rawValue {
            throw UnreadableObject(id: id, field: "kind", "expected \(kind.rawValue), found \"\(found)\"")
        }
        guard tree.nodes[node].kind == .mapping else {
            throw UnreadableObject(id: nil, "expected an object, found \(tree.description(of: node))")
        }
        do {
            return try ClusterObject(kind, from: TreeDecoder(document: .init(tree, strings: strings), node: node))
        } catch let error as DecodingError {
            let path = error.path.map(PathStep.init)
            // The way begins at the root of the tree, which may be an event around the object.
            let own = path.dropFirst(tree.path(to: node).count)
            throw UnreadableObject(id: id, field: Array(own).fieldPath, tree.explanation(of: error).message)
        } catch {
            throw UnreadableObject(id: id, "\(error)")
        }
    }
}

extension ObjectID {
    /// Names are remembered also of what cannot be used, so they are no longer than names can be.
    fileprivate init?(_ kind: ObjectKind, namespace: String?, name: String?) {
        guard let name, (1...253).contains(name.utf8.count), namespace?.utf8.count ?? 0 <= 253 else { return nil }
        let namespace = namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        self.init(kind, ObjectKey(namespace: namespace, name: name))
    }
}

/// An object that cannot be used, and why: what was expected in which field, and what stands there.
struct UnreadableObject: Error, Hashable {
    /// Nil if its name could not be read either.
    var id: ObjectID?
    /// One line, not long.
    var finding: String

    init(id: ObjectID?, field: String = "", _ message: String) {
        self.id = id
        finding = ((field.isEmpty ? "" : "\(field): ") + message).shortened(to: 300)
    }

    /// For messages, also where there is none.
    var name: String { id?.description.shortened(to: 100) ?? "an object without a name" }

    /// Of an object whose text is not all there, or is not JSON. Its name is looked for in how it begins, where servers
    /// write it.
    init(_ kind: ObjectKind, head: UnsafeBufferPointer<UInt8>, _ message: String) {
        let head = head.prefix(1024)
        var id: ObjectID?
        if let metadata = head.firstRange(of: "\"metadata\"".utf8) {
            let name = Self.text(after: "\"name\"", in: head[metadata.upperBound...])
            let namespace = Self.text(after: "\"namespace\"", in: head[metadata.upperBound...])
            id = ObjectID(kind, namespace: namespace, name: name)
        }
        self.init(id: id, message)
    }

    private static func text(after field: String, in bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        guard let name = bytes.firstRange(of: field.utf8) else { return nil }
        let rest = bytes[name.upperBound...].drop { [0x20, 0x0A, UInt8(ascii: ":")].contains($0) }
        guard rest.first == UInt8(ascii: "\"") else { return nil }
        let text = rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        return text.isEmpty || text.endIndex == bytes.endIndex ? nil : String(decoding: text, as: UTF8.self)
    }
}

extension String {
    /// One line of at most so many scalars: what others write may be of any length, as one character may be.
    func shortened(to count: Int) -> String {
        // Of megabytes a beginning is enough, with some for what is left out on one line.
        let beginning = unicodeScalars.prefix(4 * count)
        let line = String(beginning).onOneLine.unicodeScalars
        let isWhole = beginning.endIndex == unicodeScalars.endIndex && line.count <= count
        return isWhole ? String(line) : String(line.prefix(count)) + "…"
    }
}
