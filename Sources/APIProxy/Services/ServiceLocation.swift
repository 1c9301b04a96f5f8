/// Has redirects of a pod lead back to it by way of the proxy.
struct ServiceLocation {
    /// Of the proxy: what stands before the pod's own paths.
    let prefix: String
    /// How the pod may be called: by its address, and as the client calls us.
    let hosts: [String]

    /// What is relative to the page stays, and so does what leads elsewhere.
    func rewritten(_ location: String) -> String {
        var path = location[...]
        if let start = location.firstRange(of: "//"),
            start.lowerBound == location.startIndex || isScheme(location, start)
        {
            let host = location[start.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            guard hosts.contains(where: { $0.lowercased() == host.lowercased() }) else { return location }
            path = location[host.endIndex...]
            // Nothing behind the host is its root.
            if path.first != "/" { path = "/" + path }
        }
        guard path.first == "/" else { return location }
        let own = path.prefix { $0 != "?" && $0 != "#" }
        // Applications that know X-Forwarded-Prefix have done it.
        if own == prefix || own.hasPrefix(prefix + "/") { return String(path) }
        return prefix + path
    }

    private func isScheme(_ text: String, _ slashes: Range<String.Index>) -> Bool {
        let before = text[..<slashes.lowerBound]
        return before.last == ":" && before.dropLast().allSatisfy { $0.isLetter || $0.isNumber || "+-.".contains($0) }
    }
}
