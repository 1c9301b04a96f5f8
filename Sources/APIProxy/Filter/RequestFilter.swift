/// Which requests are let through, by patterns as kubectl's flags have them. They are there for browsers: a page of
/// somebody else must not reach the cluster by way of its reader's machine.
public struct RequestFilter: Sendable {
    public var acceptedHosts: PatternList
    public var acceptedPaths: PatternList
    public var rejectedPaths: PatternList
    public var rejectedMethods: PatternList

    public init(
        acceptedHosts: PatternList = .usualHosts, acceptedPaths: PatternList = .usualPaths,
        rejectedPaths: PatternList = .usualRejectedPaths, rejectedMethods: PatternList = .usualRejectedMethods
    ) {
        self.acceptedHosts = acceptedHosts
        self.acceptedPaths = acceptedPaths
        self.rejectedPaths = rejectedPaths
        self.rejectedMethods = rejectedMethods
    }

    /// Why a request is not let through.
    public enum Refusal: Hashable, Sendable {
        case host, path, method, origin
    }

    /// - Parameters:
    ///   - host: the `Host` header; a page of another name that has been made to lead here (DNS rebinding) has that.
    ///   - origin: the `Origin` header. Reading is for the browser to keep from others, and it does: we give no leave.
    ///     Whatever changes something has been done by then, and an upgrade the browser leaves to the server.
    ///   - isUpgrade: whether another protocol is asked for.
    /// - Returns: nil if it is let through.
    public func refusal(
        method: String, path: RequestPath, host: String?, origin: String?, isUpgrade: Bool
    ) -> Refusal? {
        // What is decoded may have become a path with dots in it, which the server could follow.
        let paths = Set([path.decoded, path.decodedAndCleaned])
        if paths.contains(where: rejectedPaths.matches) { return .path }
        if rejectedMethods.matches(method) { return .method }
        guard paths.allSatisfy(acceptedPaths.matches) else { return .path }
        if refusesHost(host) { return .host }
        if let origin, isUpgrade || method != "GET" && method != "HEAD" {
            guard let name = HostName(origin: origin), accepts(name) else { return .origin }
        }
        return nil
    }

    /// - Parameter host: the `Host` header.
    func refusesHost(_ host: String?) -> Bool { host.map { !accepts(HostName($0)) } ?? true }

    private func accepts(_ host: HostName) -> Bool { host.spellings.contains(where: acceptedHosts.matches) }
}

/// Patterns of which one has to be found, separated by commas; so none can have a comma in it.
public struct PatternList: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private let patterns: [Pattern]

    /// - Throws: ``PatternError`` about the first that is none.
    public init(_ text: String) throws(PatternError) {
        description = text
        patterns = try text.split(separator: ",", omittingEmptySubsequences: false).map { text throws(PatternError) in
            try Pattern(String(text))
        }
    }

    /// Of what is known to be right.
    private init(known text: String) {
        description = text
        patterns = text.split(separator: ",", omittingEmptySubsequences: false).compactMap { try? Pattern(String($0)) }
    }

    public func matches(_ text: String) -> Bool { patterns.contains { $0.matches(text) } }

    // kubectl's.
    public static let usualHosts = PatternList(known: #"^localhost$,^127\.0\.0\.1$,^\[::1\]$"#)
    public static let usualPaths = PatternList(known: "^.*")
    public static let usualRejectedPaths = PatternList(known: "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach")
    public static let usualRejectedMethods = PatternList(known: "^$")
}
