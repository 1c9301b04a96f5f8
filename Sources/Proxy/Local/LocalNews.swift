internal import Balancing
internal import Base
internal import Objects
internal import Status

/// Tells when processes take up service ports, and when those go back to others: a line each time.
struct LocalNews: Sendable {
    private let fallback: LocalFallback
    private var known: [ObjectKey: [ServicePortID: LocalStatus]] = [:]

    init(fallback: LocalFallback) { self.fallback = fallback }

    /// A Service is served like this now.
    ///
    /// - Returns: what people should be told.
    mutating func update(_ key: ObjectKey, _ ports: [PortStatus]) -> [String] {
        let locals = ports.filter { $0.local != nil }
        let before = known[key] ?? [:]
        guard !locals.isEmpty || !before.isEmpty else { return [] }
        known.replace(key, with: locals.isEmpty ? nil : locals.reduce(into: [:]) { $0[$1.id] = $1.local })
        return locals.compactMap { port in
            guard let now = port.local, now != before[port.id] else { return nil }
            if now.isServing { return "\(port.id): \(now.place) has its clients from now on" }
            guard let then = before[port.id], then.isServing else { return nil }
            return "\(port.id): nothing listens on \(then.place) any more: \(rest(port.endpoints.count))"
        }
    }

    private func rest(_ endpoints: Int) -> String {
        switch (fallback, endpoints) {
        case (.refuse, _): "clients are refused until something does (--local-fallback refuse)"
        case (.endpoints, 0): "it has no endpoints to go back to, and clients are refused until something does"
        case (.endpoints, 1): "back to 1 endpoint"
        case (.endpoints, let count): "back to \(count) endpoints"
        }
    }
}
