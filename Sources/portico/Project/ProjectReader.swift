import Base
import Documents
import Objects

/// Walks through a project file by the table of settings.
struct ProjectReader {
    let tree: DocumentTree
    let path: String
    private(set) var values: [ProjectFile.Value] = []
    private(set) var mistakes: [String] = []

    init(tree: DocumentTree, path: String) {
        self.tree = tree
        self.path = path
    }

    mutating func read() {
        guard let root = tree.root, tree.nodes[root].kind != .null else { return }
        guard tree.nodes[root].kind == .mapping else {
            mistakes.append(
                "\(place(of: root)): expected fields such as manifests, found \(tree.description(of: root))")
            return
        }
        var seen: [String: Int] = [:]
        for key in tree.keys(of: root) {
            let field = tree.string(key)
            if let earlier = seen.updateValue(key, forKey: field) {
                mistakes.append("\(place(of: key)): \(field): is set in line \(tree.nodes[earlier].line) already")
                continue
            }
            guard let setting = ProjectSetting.all.first(where: { $0.field == field }) else {
                let near =
                    NearMiss.of(field, among: ProjectSetting.all.map(\.field)).map { "; did you mean \($0)?" } ?? ""
                mistakes.append("\(place(of: key)): \(field): is not known\(near)")
                continue
            }
            take(setting, tree.resolve(tree.after(key)))
        }
    }

    private mutating func take(_ setting: ProjectSetting, _ node: Int) {
        // As if it were not there.
        guard tree.nodes[node].kind != .null else { return }
        let arguments: [String]?
        switch (setting.kind, tree.nodes[node].kind) {
        case (.toggle, .yes), (.toggleOrWord, .yes): arguments = [setting.flag]
        case (.toggle, .no), (.toggleOrWord, .no): arguments = setting.opposite.map { [$0] } ?? []
        case (.toggleOrWord(let words), .text) where words.contains(tree.string(node)):
            arguments = ["\(setting.flag)=\(tree.string(node))"]
        case (.toggle, _), (.toggleOrWord, _): arguments = nil
        case (.port, .integer), (.port, .text), (.text, .text), (.path, .text):
            arguments = ["\(setting.flag)=\(value(setting, node))"]
        case (.text, _), (.path, _), (.port, _): arguments = nil
        case (.texts, .text), (.paths, .text): arguments = ["\(setting.flag)=\(value(setting, node))"]
        case (.texts, .sequence), (.paths, .sequence):
            arguments = texts(of: node)?.map { "\(setting.flag)=\(value(setting, $0))" }
        case (.texts, _), (.paths, _): arguments = nil
        case (.command, .text):
            let line = tree.string(node)
            arguments = line.allSatisfy(\.isWhitespace) ? nil : ["sh", "-c", line]
        case (.command, .sequence):
            let words = texts(of: node, orNumbers: true)?.map(tree.string)
            arguments = words?.isEmpty == true ? nil : words
        case (.command, _): arguments = nil
        }
        if let arguments {
            values.append(ProjectFile.Value(setting: setting, arguments: arguments, place: place(of: node)))
        } else {
            mistakes.append(mistake(setting, node))
        }
    }

    /// The elements of a list; nil if any is no text.
    private func texts(of node: Int, orNumbers: Bool = false) -> [Int]? {
        let elements = tree.elements(of: node).map(tree.resolve)
        let kinds: [DocumentTree.Kind] = orNumbers ? [.text, .integer, .decimal] : [.text]
        return elements.allSatisfy { kinds.contains(tree.nodes[$0].kind) } ? elements : nil
    }

    private func value(_ setting: ProjectSetting, _ node: Int) -> String {
        let text = tree.string(node)
        return setting.kind == .path || setting.kind == .paths ? ProjectPath.seen(text, from: path) : text
    }

    private func place(of node: Int) -> String { "\(path):\(tree.nodes[node].line)" }

    private func mistake(_ setting: ProjectSetting, _ node: Int) -> String {
        // The one in a list is more to the point than the list.
        let wrong =
            tree.nodes[node].kind == .sequence && setting.kind.takesLists
            ? tree.elements(of: node).map(tree.resolve).first { tree.nodes[$0].kind != .text } ?? node : node
        let isUnquoted = [.yes, .no, .integer, .decimal].contains(tree.nodes[wrong].kind) && !setting.kind.isToggle
        return "\(place(of: wrong)): \(setting.field): expected \(setting.kind.words), found "
            + tree.description(of: wrong) + (isUnquoted ? " (put it in quotes)" : "")
    }
}

extension ProjectSetting.Kind {
    fileprivate var takesLists: Bool { self == .texts || self == .paths || self == .command }

    fileprivate var isToggle: Bool {
        switch self {
        case .toggle, .toggleOrWord: true
        default: false
        }
    }

    /// What a file has to have there.
    fileprivate var words: String {
        switch self {
        case .text: "text"
        case .texts: "a list of text"
        case .path: "a path"
        case .paths: "a list of paths"
        case .toggle: "true or false"
        case .toggleOrWord(let words): "true, false, \(words.dropLast().joined(separator: ", ")) or \(words.last ?? "")"
        case .port: "a port, or an address with one"
        case .command: "a program with its arguments, or a line for a shell"
        }
    }
}
