internal import Documents

/// What an API server says instead of what was asked for.
struct APIStatus: Hashable, Sendable {
    /// As an HTTP status.
    var code: Int
    /// A word for programs; empty if there is none.
    var reason = ""
    var message = ""
    /// In seconds.
    var retryAfter: Int?
    /// Words for programs.
    var causes: [String] = []

    init(code: Int, message: String = "") {
        self.code = code
        self.message = message
    }

    /// From an object of kind Status; fields that it lacks stay empty.
    init(_ tree: DocumentTree, _ node: Int) {
        self.init(code: 0)
        guard tree.nodes[node].kind == .mapping else { return }
        code = tree.value(of: "code", in: node).flatMap { Int(tree.string($0)) } ?? 0
        reason = tree.text(at: ["reason"], in: node) ?? ""
        message = (tree.text(at: ["message"], in: node) ?? "").shortened(to: 300)
        guard let details = tree.value(of: "details", in: node), tree.nodes[details].kind == .mapping else { return }
        retryAfter = tree.value(of: "retryAfterSeconds", in: details).flatMap { Int(tree.string($0)) }
        guard let list = tree.value(of: "causes", in: details), tree.nodes[list].kind == .sequence else { return }
        causes = tree.elements(of: list).compactMap { cause in
            tree.nodes[cause].kind == .mapping ? tree.text(at: ["reason"], in: cause) : nil
        }
    }

    /// The body of an answer that is no 200. A proxy on the way, or a server that has too much to do, answers with
    /// plain text.
    init(code: Int, body: [UInt8]) {
        let tree = try? body.withUnsafeBufferPointer { try JSONReader.readValue($0) }
        if let tree, let root = tree.root, tree.nodes[root].kind == .mapping {
            self.init(tree, root)
        } else {
            let line = String(decoding: body.prefix(1000), as: UTF8.self).split(whereSeparator: \.isNewline).first
            self.init(code: code, message: String(line ?? "").shortened(to: 200))
        }
        self.code = code
    }

    /// The version that was asked for is no longer known.
    var isExpired: Bool { code == 410 || reason == "Expired" || reason == "Gone" }

    /// The version that was asked for is not known yet: it is of a server that is ahead, or of a history that is no
    /// more.
    var isTooNew: Bool { causes.contains("ResourceVersionTooLarge") || message.hasPrefix("Too large resource version") }

    /// Such as `429 Too many requests, please try again later.`
    var words: String { message.isEmpty ? "\(code)" : "\(code) (\(message))" }
}
