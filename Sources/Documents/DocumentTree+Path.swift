/// One step into a document.
public enum PathStep: Hashable, Sendable {
    case key(String)
    case index(Int)

    public init(_ key: any CodingKey) {
        self = key.intValue.map(PathStep.index) ?? .key(key.stringValue)
    }
}

/// A step as a decoder's errors carry it.
public struct PathKey: CodingKey {
    public let stringValue: String
    public let intValue: Int?

    public init(_ step: PathStep) {
        switch step {
        case .key(let name): (stringValue, intValue) = (name, nil)
        case .index(let index): (stringValue, intValue) = ("Index \(index)", index)
        }
    }

    public init?(stringValue: String) { self.init(.key(stringValue)) }
    public init?(intValue: Int) { self.init(.index(intValue)) }
}

extension [PathStep] {
    /// `spec.ports[0].port`; keys with dots in them, such as labels, in brackets.
    public var fieldPath: String {
        var text = ""
        for step in self {
            switch step {
            case .index(let index): text += "[\(index)]"
            case .key(let name) where name.contains("."): text += "[\"\(name)\"]"
            case .key(let name): text += text.isEmpty ? name : ".\(name)"
            }
        }
        return text
    }
}

extension DocumentTree {
    /// The way from the root to a node. Found by search, since only errors ask for it; decoding stays free of the cost
    /// of carrying it along.
    public func path(to target: Int) -> [PathStep] {
        var path: [PathStep] = []
        var index = 0
        while index != target {
            guard let (step, value) = child(of: index, holding: target) else { break }
            path.append(step)
            // The target may be a key itself; its value stands for it.
            guard target >= value else { break }
            index = value
        }
        return path
    }

    /// The step that leads from a collection towards a node in it.
    private func child(of parent: Int, holding target: Int) -> (step: PathStep, value: Int)? {
        let isMapping = nodes[parent].kind == .mapping
        for (position, child) in Children(tree: self, parent: parent, isMapping: isMapping).enumerated() {
            let value = isMapping ? after(child) : child
            if target < after(value) { return (isMapping ? .key(string(child)) : .index(position), value) }
        }
        return nil
    }

    /// The line of a path, or of as much of it as exists: a field that is missing is reported where its object begins.
    /// A value is placed by its key, which is where an author would look.
    public func locate(_ path: [PathStep]) -> (line: Int, node: Int?) {
        guard let root else { return (1, nil) }
        var line = Int(nodes[root].line)
        var index = root
        for step in path {
            switch step {
            case .key(let name):
                guard nodes[index].kind == .mapping, let value = value(of: name, in: index) else { return (line, nil) }
                line = keys(of: index).first { string($0) == name }.map { Int(nodes[$0].line) } ?? line
                index = value
            case .index(let position):
                guard nodes[index].kind == .sequence, position < nodes[index].count,
                    let element = elements(of: index).dropFirst(position).first(where: { _ in true })
                else { return (line, nil) }
                line = Int(nodes[element].line)
                index = resolve(element)
            }
        }
        return (line, index)
    }
}
