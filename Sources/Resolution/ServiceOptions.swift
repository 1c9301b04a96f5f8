public import Balancing

/// What annotations ask of the proxy for one Service.
public struct ServiceOptions: Hashable, Sendable {
    /// `portico.dev/balancing`; nil leaves it to the proxy's own default.
    public var balancing: BalancingMethod?
    /// `portico.dev/hold-seconds`: how long a client may wait for an endpoint to appear, 0 to 3,600; 0, the default,
    /// refuses at once.
    public var holdSeconds: Int
    /// `portico.dev/proxy-protocol`; nil sends no header.
    public var proxyProtocol: ProxyProtocol?
    /// `portico.dev/udp-replies`: replies after which a UDP flow ends, 1 to 65,535; nil leaves it to the timeouts.
    public var udpReplies: Int?

    public init(
        balancing: BalancingMethod? = nil, holdSeconds: Int = 0, proxyProtocol: ProxyProtocol? = nil,
        udpReplies: Int? = nil
    ) {
        self.balancing = balancing
        self.holdSeconds = holdSeconds
        self.proxyProtocol = proxyProtocol
        self.udpReplies = udpReplies
    }

    /// What all annotations of this proxy begin with.
    public static let prefix = "portico.dev/"

    /// The annotations that ask for what only a relay can do.
    public var forRelay: [String] {
        [
            balancing.map { _ in "balancing" }, holdSeconds > 0 ? "hold-seconds" : nil,
            proxyProtocol.map { _ in "proxy-protocol" }, udpReplies.map { _ in "udp-replies" },
        ].compactMap { $0.map { Self.prefix + $0 } }
    }

    /// Reads the options from a Service's annotations. A wrong one is reported and leaves its default, so that a typo
    /// never takes a Service down.
    ///
    /// - Returns: The options, and one text per wrong annotation.
    public static func parse(_ annotations: [String: String]) -> (options: ServiceOptions, problems: [String]) {
        var options = ServiceOptions()
        var problems: [String] = []
        for (name, value) in annotations.sorted(by: { $0.key < $1.key }) where name.hasPrefix(prefix) {
            func reject(_ expected: String) {
                problems.append("annotation \(name): expected \(expected), found \"\(value)\"; ignored")
            }
            switch name.dropFirst(prefix.count) {
            case "balancing":
                if let balancing = BalancingMethod(rawValue: value) {
                    options.balancing = balancing
                } else {
                    reject("round-robin, least-connections or random")
                }
            case "hold-seconds":
                if let seconds = Int(value), (0...3600).contains(seconds) {
                    options.holdSeconds = seconds
                } else {
                    reject("a number from 0 to 3600")
                }
            case "proxy-protocol":
                if let version = ProxyProtocol(rawValue: value) {
                    options.proxyProtocol = version
                } else {
                    reject("v1 or v2")
                }
            case "udp-replies":
                if let replies = Int(value), (1...65_535).contains(replies) {
                    options.udpReplies = replies
                } else {
                    reject("a number from 1 to 65535")
                }
            default:
                problems.append("annotation \(name): not known; ignored")
            }
        }
        return (options, problems)
    }
}
