import Documents
import Objects

/// Walks through a configuration file by the table of settings.
struct ConfigurationReader {
    let tree: DocumentTree
    let path: String
    private(set) var values: [KubeProxyConfiguration.Value] = []
    private(set) var notes: [String] = []
    private(set) var mistakes: [String] = []

    private static let settings = Dictionary(
        KubeProxySetting.all.compactMap { setting in setting.field.map { ($0, setting) } },
        uniquingKeysWith: { first, _ in first })
    /// Fields that have fields.
    private static let objects = Set(
        settings.keys.compactMap { field in field.contains(".") ? String(field.prefix { $0 != "." }) : nil })
    /// What has been looked at before, and how kube-proxy's log is buffered and filtered.
    private static let ignored: Set = [
        "apiVersion", "kind", "logging.options", "logging.flushFrequency", "logging.vmodule",
    ]

    init(tree: DocumentTree, path: String) {
        self.tree = tree
        self.path = path
    }

    mutating func read() {
        guard let root = tree.root, tree.nodes[root].kind == .mapping else {
            mistakes.append(
                "\(path): expected a \(KubeProxyConfiguration.kind), found \(tree.root.map(tree.description) ?? "nothing")"
            )
            return
        }
        for (field, expected) in [
            ("apiVersion", KubeProxyConfiguration.apiVersion), ("kind", KubeProxyConfiguration.kind),
        ] {
            let found = tree.value(of: field, in: root)
            guard found.map(tree.string) != expected else { continue }
            let what = found.map(tree.description) ?? "nothing"
            mistakes.append("\(place(of: found ?? root)): \(field): expected \(expected), found \(what)")
        }
        // What else is said of another kind of document helps nobody.
        guard mistakes.isEmpty else { return }
        read(root, prefix: "")
    }

    private mutating func read(_ mapping: Int, prefix: String) {
        var seen: [String: Int] = [:]
        for key in tree.keys(of: mapping) {
            let field = prefix + tree.string(key)
            let node = tree.resolve(tree.after(key))
            if let earlier = seen.updateValue(key, forKey: field) {
                notes.append(
                    "\(place(of: key)): \(field) is set again; what line \(tree.nodes[earlier].line) says does not count"
                )
                values.removeAll { $0.setting.field == field || $0.setting.field?.hasPrefix(field + ".") == true }
            }
            if let setting = Self.settings[field] {
                // As if it were not there.
                guard tree.nodes[node].kind != .null else { continue }
                take(setting, node, field)
            } else if Self.objects.contains(field) {
                switch tree.nodes[node].kind {
                case .mapping: read(node, prefix: field + ".")
                case .null: break
                default: mistakes.append(mistake(node, field, "an object"))
                }
            } else if !Self.ignored.contains(field) {
                notes.append("\(place(of: key)): \(field) is not known, and passed over")
            }
        }
    }

    private mutating func take(_ setting: KubeProxySetting, _ node: Int, _ field: String) {
        let text: String
        switch (setting.kind, tree.nodes[node].kind) {
        case (.text, .text), (.duration, .text), (.integer, .integer), (.number, .integer), (.number, .decimal):
            text = tree.string(node)
        case (.toggle, .yes): text = "true"
        case (.toggle, .no): text = "false"
        case (.list, .sequence):
            let elements = tree.elements(of: node).map(tree.resolve)
            for element in elements where tree.nodes[element].kind != .text {
                mistakes.append(mistake(element, field, "text"))
                return
            }
            text = elements.map(tree.string).joined(separator: ",")
        case (.gates, .mapping):
            let keys = Array(tree.keys(of: node))
            for key in keys where ![.yes, .no].contains(tree.nodes[tree.resolve(tree.after(key))].kind) {
                mistakes.append(mistake(tree.resolve(tree.after(key)), "\(field).\(tree.string(key))", "true or false"))
                return
            }
            text = keys.map { key in
                "\(tree.string(key))=\(tree.nodes[tree.resolve(tree.after(key))].kind == .yes)"
            }.joined(separator: ",")
        default:
            mistakes.append(mistake(node, field, setting.kind.words))
            return
        }
        if setting.kind == .duration, setting.effect != .same, (try? DurationArgument(text)) == nil {
            mistakes.append(mistake(node, field, setting.kind.words))
            return
        }
        // In a file nothing and the default are the same, but for the mode, which says which one kube-proxy would have
        // taken.
        guard !text.isEmpty || field == "mode" else { return }
        if setting.zeroIsStandard, text == "0" || (try? DurationArgument(text).duration) == .zero { return }
        values.append(KubeProxyConfiguration.Value(setting: setting, text: text, place: place(of: node)))
    }

    private func place(of node: Int) -> String { "\(path):\(tree.nodes[node].line)" }

    private func mistake(_ node: Int, _ field: String, _ expected: String) -> String {
        var text = "\(place(of: node)): \(field): expected \(expected), found \(tree.description(of: node))"
        if expected == "text", [.yes, .no, .integer, .decimal].contains(tree.nodes[node].kind) {
            text += " (put it in quotes)"
        }
        return text
    }
}

extension KubeProxySetting.Kind {
    /// What a file has to have there.
    fileprivate var words: String {
        switch self {
        case .text: "text"
        case .toggle: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .duration: "a time such as \"30s\""
        case .list: "a list of text"
        case .gates: "an object of true and false"
        }
    }
}
