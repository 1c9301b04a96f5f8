internal import Objects

/// One document, YAML or JSON, as a flat tree: its nodes in the order of the text, each knowing where its own part
/// ends.
///
/// Manifests of a whole cluster have millions of nodes. An array of small records and one buffer of text are read
/// several times faster than a tree of objects, and the line of every value comes for free, so that an error can name
/// it without a second pass.
public struct DocumentTree: Sendable {
    public enum Kind: UInt8, Sendable {
        case mapping, sequence, alias
        case null, yes, no, integer, decimal, text
    }

    public struct Node: Sendable {
        public var kind: Kind
        /// On a mapping: that it has the merge key `<<`.
        var hasMergeKey = false
        /// In the file, 1 for the first.
        public var line: UInt32
        /// Scalars: where their text begins. Aliases: the node they stand for.
        var start: UInt32 = 0
        /// Scalars: the length of their text in bytes. Mappings: keys and values together; sequences: elements.
        var count: UInt32 = 0
        /// The first node after this one and all that it contains.
        var end: UInt32 = 0
    }

    /// A document beyond this cannot be indexed by 32 bits; it would not be a sensible manifest either.
    public static let maximumBytes = Int(Int32.max)
    /// Deeper nesting is an attack or a mistake; Kubernetes objects need about twenty levels.
    public static let maximumDepth = 200

    public private(set) var nodes: [Node] = []
    private(set) var text: [UInt8] = []
    /// Keys that their mapping already had, with the first one of the same name; in the order in which mappings end.
    private var duplicateKeys: [(key: Int, first: Int)] = []

    /// - Parameter bytes: The length of the document, to guess from how much room the tree will take.
    init(bytes: Int) {
        nodes.reserveCapacity(bytes / 24)
        text.reserveCapacity(bytes / 2)
    }

    /// A key in a node or below it that its mapping already had, with the first one of the same name.
    public func duplicateKey(in node: Int) -> (key: Int, first: Int)? {
        let range = node..<Int(nodes[node].end)
        return duplicateKeys.first { range.contains($0.key) }
    }

    // MARK: Building

    mutating func append(_ kind: Kind, line: Int) -> Int {
        nodes.append(Node(kind: kind, line: UInt32(truncatingIfNeeded: line), end: UInt32(nodes.count + 1)))
        return nodes.count - 1
    }

    mutating func appendScalar(_ kind: Kind, line: Int, bytes: some Collection<UInt8>) -> Int {
        let index = append(kind, line: line)
        nodes[index].start = UInt32(truncatingIfNeeded: text.count)
        nodes[index].count = UInt32(truncatingIfNeeded: bytes.count)
        text.append(contentsOf: bytes)
        return index
    }

    mutating func appendAlias(of target: Int, line: Int) {
        let index = append(.alias, line: line)
        nodes[index].start = UInt32(target)
    }

    /// Ends a mapping or sequence: everything added since belongs to it.
    mutating func close(_ index: Int, count: Int) {
        nodes[index].count = UInt32(count)
        nodes[index].end = UInt32(nodes.count)
        if nodes[index].kind == .mapping { checkKeys(of: index) }
    }

    private mutating func checkKeys(of mapping: Int) {
        // Quadratic, and the fastest there is for the dozen keys that mappings have. Maps of labels may be larger.
        let keys = Array(self.keys(of: mapping))
        if keys.count > 24 {
            var first: [[UInt8]: Int] = [:]
            for key in keys {
                if let earlier = first.updateValue(key, forKey: Array(bytes(of: key))) {
                    duplicateKeys.append((key, earlier))
                }
            }
        } else {
            for (position, key) in keys.enumerated() {
                if let earlier = keys[..<position].first(where: { haveEqualText($0, key) }) {
                    duplicateKeys.append((key, earlier))
                }
            }
        }
        let mergeKey: [UInt8] = [0x3C, 0x3C]
        nodes[mapping].hasMergeKey = keys.contains { nodes[$0].count == 2 && bytes(of: $0).elementsEqual(mergeKey) }
    }

    private func haveEqualText(_ a: Int, _ b: Int) -> Bool {
        nodes[a].count == nodes[b].count && bytes(of: a).elementsEqual(bytes(of: b))
    }
}
