extension DocumentTree {
    public var root: Int? { nodes.isEmpty ? nil : resolve(0) }

    /// Follows an alias to what it stands for. Anchors are known only once their node is complete, so no alias can lead
    /// to itself.
    public func resolve(_ index: Int) -> Int {
        var index = index
        while nodes[index].kind == .alias { index = Int(nodes[index].start) }
        return index
    }

    /// The text of a scalar; empty for anything else.
    public func bytes(of index: Int) -> ArraySlice<UInt8> {
        let node = nodes[index]
        switch node.kind {
        case .mapping, .sequence, .alias: return []
        default: return text[Int(node.start)..<Int(node.start + node.count)]
        }
    }

    /// The text of what was read last.
    var lastBytes: ArraySlice<UInt8> { nodes.isEmpty ? [] : bytes(of: nodes.count - 1) }

    public func string(_ index: Int) -> String { String(decoding: bytes(of: index), as: UTF8.self) }

    /// The number of an integer, in the notations of YAML 1.1, which is what Kubernetes' tools read.
    func integer(_ index: Int) -> Int? {
        guard nodes[index].kind == .integer else { return nil }
        return PlainScalar.integer(bytes(of: index))
    }

    /// The key nodes of a mapping.
    public func keys(of mapping: Int) -> Children { Children(tree: self, parent: mapping, isMapping: true) }

    /// The elements of a sequence.
    public func elements(of sequence: Int) -> Children { Children(tree: self, parent: sequence, isMapping: false) }

    public struct Children: Sequence, IteratorProtocol {
        private let tree: DocumentTree
        private var upcoming: Int
        private let end: Int
        private let isMapping: Bool

        init(tree: DocumentTree, parent: Int, isMapping: Bool) {
            self.tree = tree
            self.upcoming = parent + 1
            self.end = Int(tree.nodes[parent].end)
            self.isMapping = isMapping
        }

        public mutating func next() -> Int? {
            guard upcoming < end else { return nil }
            let current = upcoming
            upcoming = tree.after(current)
            if isMapping { upcoming = tree.after(upcoming) }
            return current
        }
    }

    /// The node that follows a node and all it contains.
    public func after(_ index: Int) -> Int { Int(nodes[index].end) }

    /// The value of a key, nil if the mapping does not have it, itself or by a merge key.
    public func value(of key: String, in mapping: Int) -> Int? {
        if let value = ownValue(of: key, in: mapping) { return value }
        guard nodes[mapping].hasMergeKey else { return nil }
        var seen: Set<Int> = [mapping]
        return mergedValue(of: key, in: mapping, seen: &seen)
    }

    private func ownValue(of key: String, in mapping: Int) -> Int? {
        var key = key
        return key.withUTF8 { wanted in
            nodes.withUnsafeBufferPointer { nodes in
                text.withUnsafeBufferPointer { text in
                    var index = mapping + 1
                    let end = Int(nodes[mapping].end)
                    while index < end {
                        let node = nodes[index]
                        let value = Int(node.end)
                        if Int(node.count) == wanted.count, node.kind.rawValue > Kind.alias.rawValue,
                            text[Int(node.start)..<Int(node.start) + wanted.count].elementsEqual(wanted)
                        {
                            return resolve(value)
                        }
                        index = Int(nodes[value].end)
                    }
                    return nil
                }
            }
        }
    }

    /// `<<` takes one mapping or a list of them; earlier ones win. Each is visited once: chains of doubled merges would
    /// otherwise take exponential time.
    private func mergedValue(of key: String, in mapping: Int, seen: inout Set<Int>) -> Int? {
        guard nodes[mapping].hasMergeKey, let merge = ownValue(of: "<<", in: mapping) else { return nil }
        let sources = nodes[merge].kind == .sequence ? elements(of: merge).map(resolve) : [merge]
        for source in sources where nodes[source].kind == .mapping && seen.insert(source).inserted {
            if let value = ownValue(of: key, in: source) ?? mergedValue(of: key, in: source, seen: &seen) {
                return value
            }
        }
        return nil
    }

    /// The text at the end of a path of fields, nil if there is none.
    public func text(at path: [String], in node: Int) -> String? {
        var node = node
        for key in path {
            guard nodes[node].kind == .mapping, let value = value(of: key, in: node) else { return nil }
            node = value
        }
        return nodes[node].kind == .text ? string(node) : nil
    }

    /// The keys of a mapping, with those it gets by merging, each once; their values are those that count.
    public func allKeys(of mapping: Int) -> [Int] {
        guard nodes[mapping].hasMergeKey else { return Array(keys(of: mapping)) }
        var found: [Int] = []
        var names: Set<String> = ["<<"]
        var seen: Set<Int> = []
        var pending = [mapping]
        while let source = pending.popLast() {
            guard nodes[source].kind == .mapping, seen.insert(source).inserted else { continue }
            found += keys(of: source).filter { names.insert(string($0)).inserted }
            guard let merge = ownValue(of: "<<", in: source) else { continue }
            // What is taken first wins, so what wins is put last.
            pending += nodes[merge].kind == .sequence ? elements(of: merge).map(resolve).reversed() : [merge]
        }
        return found
    }

    /// What stands at a node, in the words of an error message.
    public func description(of index: Int) -> String {
        switch nodes[index].kind {
        case .mapping: "an object"
        case .sequence: "a list"
        case .alias: description(of: resolve(index))
        case .null: "nothing"
        case .text: "\"\(string(index))\""
        case .yes, .no, .integer, .decimal: string(index)
        }
    }
}
