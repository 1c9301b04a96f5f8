extension APIRequest {
    /// Path and query as they are sent, with all that could be misread encoded.
    func target(below server: ServerURL) -> String {
        let path = path.split(separator: "/", omittingEmptySubsequences: false).map { String($0).percentEncoded }
        let query = query.map { "\($0.name.percentEncoded)=\($0.value.percentEncoded)" }
        return server.path + path.joined(separator: "/") + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    var isWatch: Bool { query.contains { $0.name == "watch" && $0.value != "false" && $0.value != "0" } }
}
