internal import Base

/// The variables that name proxies: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in capital or small letters.
struct ProxyEnvironment {
    private let environment: [String: String]

    init(_ environment: [String: String]) { self.environment = environment }

    /// The proxy on the way to `server`; nil for none. What is on this machine is never asked for by a proxy.
    func proxy(for server: ServerURL) throws(APIError) -> ProxyURL? {
        let variable = server.isSecure ? "HTTPS_PROXY" : "HTTP_PROXY"
        guard let text = value(variable), !isLoopback(server.host), !isExcepted(server) else { return nil }
        do {
            return try ProxyURL(text)
        } catch {
            throw .unreachable("\(server): the variable \(variable): \(error)")
        }
    }

    private func value(_ name: String) -> String? {
        let value = environment[name] ?? environment[name.lowercased()]
        return value?.isEmpty == false ? value : nil
    }

    private func isLoopback(_ host: String) -> Bool {
        guard let address = IPAddress(host) else { return host.lowercased() == "localhost" }
        return address.isLoopback
    }

    /// Whether an entry of `NO_PROXY` is for the server: `*`, an address, a range of addresses, a name with all below
    /// it, or (with a dot in front) only those below it; each but a range may have a port.
    private func isExcepted(_ server: ServerURL) -> Bool {
        (value("NO_PROXY") ?? "").split(separator: ",").contains { entry in
            let entry = entry.filter { !$0.isWhitespace }.lowercased()
            return entry == "*" || matches(entry, server)
        }
    }

    private func matches(_ entry: String, _ server: ServerURL) -> Bool {
        let address = IPAddress(server.host)
        if let range = IPPrefix(entry) { return address.map(range.contains) ?? false }
        var name = entry[...]
        // One colon is that of a port; an IPv6 address has several, and brackets before a port.
        if let colon = entry.lastIndex(of: ":"), entry.first == "[" || entry.firstIndex(of: ":") == colon {
            let rest = entry[entry.index(after: colon)...]
            if let port = UInt16(rest) {
                guard port == server.port else { return false }
                name = entry[..<colon]
            }
        }
        if name.first == "[", name.last == "]" { name = name.dropFirst().dropLast() }
        if let address { return IPAddress(name) == address }
        let host = server.host.lowercased()
        if name.hasPrefix("*.") { name = name.dropFirst() }
        if name.hasPrefix(".") { return host.hasSuffix(name) }
        return !name.isEmpty && (host == name || host.hasSuffix("." + name))
    }
}
