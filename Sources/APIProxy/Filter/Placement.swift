/// What the paths of the proxy lead to.
public struct Placement: Sendable {
    /// With slashes at both ends: `/`, `/custom/`.
    public let apiPrefix: String
    /// Of static files, with slashes at both ends; nil without such.
    public let filePrefix: String?

    public init(apiPrefix: String = "/", filePrefix: String? = nil) {
        self.apiPrefix = Self.framed(apiPrefix)
        self.filePrefix = filePrefix.map(Self.framed)
    }

    enum Place: Equatable {
        /// Of the API server.
        case api(String)
        /// Below the folder, decoded, with a slash in front.
        case file(String)
        /// The same with a slash behind it.
        case slash
        case nowhere
    }

    /// - Parameter path: as it came, cleaned. The longer prefix counts.
    func place(of path: RequestPath) -> Place {
        let encoded = path.encoded
        if let filePrefix, filePrefix.utf8.count > apiPrefix.utf8.count || !encoded.hasPrefix(apiPrefix) {
            if path.decoded.hasPrefix(filePrefix) { return .file("/" + path.decoded.dropFirst(filePrefix.count)) }
            if path.decoded + "/" == filePrefix { return .slash }
        }
        if encoded.hasPrefix(apiPrefix) { return .api(below(encoded)) }
        if encoded + "/" == apiPrefix { return .slash }
        if let filePrefix, path.decoded.hasPrefix(filePrefix) {
            return .file("/" + path.decoded.dropFirst(filePrefix.count))
        }
        return .nowhere
    }

    /// A prefix that the API has itself is part of the path, any other is ours.
    private func below(_ path: String) -> String {
        apiPrefix == "/" || apiPrefix.hasPrefix("/api") ? path : "/" + path.dropFirst(apiPrefix.count)
    }

    private static func framed(_ prefix: String) -> String {
        var prefix = prefix
        if prefix.first != "/" { prefix = "/" + prefix }
        if prefix.last != "/" { prefix += "/" }
        return prefix
    }
}
