extension TreeDecoder.Document {
    /// A value that a decoder asks for.
    enum Place: Hashable {
        case field(mapping: Int, key: String)
        case element(Int)
    }

    /// Ways around values that are wrong, so that a decoder gets to the next mistake of the same object: at first as if
    /// the value were not there, then as if something else stood in its place.
    struct Detours {
        /// What stands at a place instead; nil for nothing.
        var nodes: [Place: Int?] = [:]
        /// How many ways have been tried.
        var attempts: [Place: Int] = [:]
        /// Where those are that stand for others.
        var paths: [Int: [PathStep]] = [:]
    }

    /// Has the next decoder go around what an error is about.
    ///
    /// - Returns: false if there is no way around it.
    public func goAround(_ path: [PathStep]) -> Bool {
        guard let place = place(at: path) else { return false }
        let attempt = detours.attempts[place, default: 0]
        detours.attempts[place] = attempt + 1
        if attempt == 0 {
            detours.nodes.updateValue(nil, forKey: place)
            return true
        }
        // An element that is left out can cause no more errors.
        guard case .field = place, attempt <= Self.substitutes.count else { return false }
        let node = addSubstitute(Self.substitutes[attempt - 1])
        detours.paths[node] = path
        detours.nodes[place] = node
        return true
    }

    /// Forgets all ways around: the next object may have the same values, by aliases.
    public func endDetours() { detours = Detours() }

    /// A name, a number and an address, each of them another one every time: many values are to be there once only.
    private static var substitutes: [(kind: DocumentTree.Kind, prefix: String)] {
        [(.text, "x"), (.integer, ""), (.text, "192.0.2.")]
    }

    private func addSubstitute(_ form: (kind: DocumentTree.Kind, prefix: String)) -> Int {
        let number = detours.paths.count % 200 + 1
        return appendScalar(form.kind, Array("\(form.prefix)\(number)".utf8))
    }

    private func place(at path: [PathStep]) -> Place? {
        guard var node = tree.root else { return nil }
        var place: Place?
        for step in path {
            // Only the last step may lead to something that is not there.
            if case .field(let mapping, let key)? = place {
                guard let next = tree.value(of: key, in: mapping) else { return nil }
                node = next
            } else if case .element(let element)? = place {
                node = tree.resolve(element)
            }
            switch step {
            case .key(let name):
                guard tree.nodes[node].kind == .mapping else { return nil }
                place = .field(mapping: node, key: name)
            case .index(let index):
                guard tree.nodes[node].kind == .sequence,
                    let element = tree.elements(of: node).dropFirst(index).first(where: { _ in true })
                else { return nil }
                place = .element(element)
            }
        }
        return place
    }
}
