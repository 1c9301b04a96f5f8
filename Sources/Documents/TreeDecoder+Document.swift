extension TreeDecoder {
    /// A tree by reference, with what is remembered while it is decoded. Containers are boxed by the standard library,
    /// and copying a whole tree's arrays into each would cost their reference counts.
    public final class Document {
        public private(set) var tree: DocumentTree
        private let strings: StringCache
        /// The values of mappings that have very many keys, or get some by merging, by name. Searched one by one they
        /// would take hours.
        private var values: [Int: [String: Int]] = [:]
        /// Nodes that aliases have led to, with all that they contain.
        private var repeated = 0
        var detours = Detours()
        /// The keys that decoders have asked for in each mapping of the present object; nil if nobody wants to know.
        private(set) var asked: [Int: Set<String>]?

        /// - Parameter notesFields: remembers which fields are asked for, for ``misspeltFields(in:)``.
        public init(_ tree: DocumentTree, strings: StringCache = StringCache(), notesFields: Bool = false) {
            self.tree = tree
            self.strings = strings
            asked = notesFields ? [:] : nil
        }

        /// Forgets what was asked for in the object before, which else would be gone through again for each that
        /// follows.
        public func beginObject() {
            if asked != nil { asked = [:] }
        }

        func string(_ node: Int) -> String { strings.string(tree.bytes(of: node)) }

        /// All keys of a mapping by name, with those it gets by merging.
        func keyNames(of mapping: Int) -> [String] { tree.allKeys(of: mapping).map(string) }

        /// The value of a key, nil if the mapping does not have it, itself or by a merge key.
        func value(of key: String, in mapping: Int) -> Int? {
            if asked != nil { asked?[mapping, default: []].insert(key) }
            if !detours.nodes.isEmpty, let detour = detours.nodes[.field(mapping: mapping, key: key)] { return detour }
            let node = tree.nodes[mapping]
            let value =
                node.count > 128 || node.hasMergeKey ? index(of: mapping)[key] : tree.value(of: key, in: mapping)
            if let value, !(mapping..<tree.after(mapping)).contains(value) { pass(to: value) }
            return value
        }

        /// The node that an element stands for.
        func element(_ node: Int) -> Int {
            let target = tree.resolve(node)
            if target != node { pass(to: target) }
            return target
        }

        /// Whether an element is left out, since there is something wrong with it.
        func isLeftOut(_ element: Int) -> Bool {
            !detours.nodes.isEmpty && detours.nodes[.element(element)] != nil
        }

        /// Adds a scalar behind all that there is, where only a number leads.
        func appendScalar(_ kind: DocumentTree.Kind, _ bytes: [UInt8]) -> Int {
            tree.appendScalar(kind, line: 0, bytes: bytes)
        }

        /// The way from the root to a node, or to what it stands for.
        func path(to node: Int) -> [PathStep] { detours.paths[node] ?? tree.path(to: node) }

        private func index(of mapping: Int) -> [String: Int] {
            if let known = values[mapping] { return known }
            var index: [String: Int] = [:]
            // Where a name is there twice, the first counts.
            for key in tree.allKeys(of: mapping) where index[tree.string(key)] == nil {
                index[tree.string(key)] = tree.resolve(tree.after(key))
            }
            // What it gets by merging counts as if aliases had led to it.
            if tree.nodes[mapping].hasMergeKey { repeated += index.count }
            values[mapping] = index
            return index
        }

        // MARK: Aliases

        /// A few lines of aliases can stand for more than there is memory for.
        var hasTooManyAliases: Bool { repeated > max(1_000_000, 10 * tree.nodes.count) }

        private func pass(to target: Int) { repeated += tree.after(target) - target }
    }
}
