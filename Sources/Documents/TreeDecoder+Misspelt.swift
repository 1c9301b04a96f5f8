internal import Base

/// A field that nobody asks for, with a name that is near to that of one that was asked for.
public struct MisspeltField: Hashable, Sendable {
    /// Of its key, from the root of the tree.
    public let path: [PathStep]
    public let line: Int
    public let name: String
    public let meant: String
}

extension TreeDecoder.Document {
    /// Fields of an object, once it was decoded, that were probably meant to be others: `prots` for `ports`. Kubernetes
    /// has more fields than are asked for, so what is far from all of these is nobody's mistake.
    public func misspeltFields(in node: Int) -> [MisspeltField] {
        let range = node..<tree.after(node)
        return (asked ?? [:]).filter { range.contains($0.key) }.sorted { $0.key < $1.key }.flatMap {
            mapping, asked -> [MisspeltField] in
            // Those of every object are not asked for in this way.
            let asked = mapping == node ? asked.union(["apiVersion", "kind"]) : asked
            let present = Set(tree.allKeys(of: mapping).map { tree.string($0) })
            let missing = asked.subtracting(present)
            return tree.keys(of: mapping).compactMap { key -> MisspeltField? in
                let name = tree.string(key)
                guard !asked.contains(name), !Self.others.contains(name),
                    let meant = NearMiss.of(name, among: missing.sorted())
                else { return nil }
                return MisspeltField(
                    path: tree.path(to: key), line: Int(tree.nodes[key].line), name: name, meant: meant)
            }
        }
    }

    /// Fields that there are, and that are near to others.
    private static var others: Set<String> { ["podCIDR"] }
}
