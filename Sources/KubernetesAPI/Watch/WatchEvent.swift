internal import Documents
internal import Objects

/// One event of a watch.
enum WatchEvent {
    case changed(WireObject)
    case deleted(WireObject)
    /// Nothing before this version is missing. At the end of a streaming list it says that all has come.
    case bookmark(version: String, endsList: Bool)
    /// The server gives up the watch.
    case error(APIStatus)
    /// An event of which nothing can be used.
    case unreadable(UnreadableObject)

    private static let endOfList = "k8s.io/initial-events-end"

    init(_ piece: JSONCutter.Piece, of kind: ObjectKind) {
        switch piece {
        case .tooLarge(let head): self = .unreadable(UnreadableObject(kind, head: head, Self.tooLarge))
        case .whole(let text):
            do throws(JSONReader.NoValue) {
                self.init(try JSONReader.readValue(text), of: kind)
            } catch {
                self = .unreadable(UnreadableObject(kind, head: text, error.message))
            }
        }
    }

    private init(_ tree: DocumentTree, of kind: ObjectKind) {
        guard let root = tree.root, tree.nodes[root].kind == .mapping,
            let object = tree.value(of: "object", in: root)
        else {
            self = .unreadable(UnreadableObject(id: nil, "expected an event, found no field object"))
            return
        }
        let wire = WireObject(kind, tree, object)
        switch tree.text(at: ["type"], in: root) {
        case "ADDED", "MODIFIED": self = .changed(wire)
        case "DELETED": self = .deleted(wire)
        case "BOOKMARK":
            self = .bookmark(
                version: wire.version ?? "", endsList: wire.text("metadata", "annotations", Self.endOfList) == "true")
        case "ERROR": self = .error(APIStatus(tree, object))
        case let other:
            let message = "expected an event of a known type, found \(other.map { "\"\($0)\"" } ?? "none")"
            self = .unreadable(UnreadableObject(id: wire.id, message))
        }
    }

    static let tooLarge = "larger than \(JSONCutter.largestValue >> 20) MiB, and so not read"
}

extension WireObject {
    /// An element of a list.
    static func element(_ piece: JSONCutter.Piece, of kind: ObjectKind) -> Result<WireObject, UnreadableObject> {
        switch piece {
        case .tooLarge(let head): return .failure(UnreadableObject(kind, head: head, WatchEvent.tooLarge))
        case .whole(let text):
            do throws(JSONReader.NoValue) {
                let tree = try JSONReader.readValue(text)
                return .success(WireObject(kind, tree, 0))
            } catch {
                return .failure(UnreadableObject(kind, head: text, error.message))
            }
        }
    }
}

/// What a list says beside its elements.
struct ListHead: Hashable {
    var kind: String
    var version: String
    /// Nil if there are no more pages.
    var continuation: String?
    /// Whether it says which elements it has, be it none.
    var hasItems: Bool

    /// Nil if the text is no JSON.
    init?(_ envelope: [UInt8]) {
        guard let tree = try? envelope.withUnsafeBufferPointer({ try JSONReader.readValue($0) }), let root = tree.root,
            tree.nodes[root].kind == .mapping
        else { return nil }
        hasItems = tree.value(of: "items", in: root).map { [.sequence, .null].contains(tree.nodes[$0].kind) } ?? false
        kind = tree.text(at: ["kind"], in: root) ?? ""
        version = tree.text(at: ["metadata", "resourceVersion"], in: root) ?? ""
        continuation = tree.text(at: ["metadata", "continue"], in: root).flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension JSONReader {
    /// Why a text is not the one value that it should be.
    struct NoValue: Error, Hashable {
        var message: String
    }

    /// The one value of a text that has one, and only that.
    static func readValue(_ text: UnsafeBufferPointer<UInt8>) throws(NoValue) -> DocumentTree {
        var (position, line) = (0, 1)
        do throws(SyntaxError) {
            let tree = try readDocument(text, position: &position, line: &line)
            if let tree, position == text.count { return tree }
        } catch {
            throw NoValue(message: error.message)
        }
        throw NoValue(message: "not valid JSON: expected one value")
    }
}
