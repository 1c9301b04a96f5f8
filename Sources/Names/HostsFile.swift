internal import Base
internal import Objects

/// The names of Services as lines of `/etc/hosts`: what a program that only knows that file finds, it finds as in a pod
/// of a namespace, by every form of a name.
///
/// * `name.namespace.svc.cluster.local`, and without the domain, without `.svc`: the addresses of a Service, or of all
///   endpoints of a headless one;
/// * `endpoint.` before any of those: one endpoint of a headless Service;
/// * in the pod's own namespace without that.
///
/// A Service of type `ExternalName` has the addresses of the Service that it names, or is left out: this file has no
/// other names for names.
public struct HostsFile: Sendable {
    /// A line, and what is known by it.
    private struct Entry {
        /// Below `svc` and the domain, such as `web.shop`.
        let name: String
        let namespace: String
        let addresses: [String]
    }

    private let entries: [Entry]
    private let namespace: String
    private let domain: String
    /// Services that other names stand for which are no Service's here; they are left to DNS.
    public let leftOut: [(service: String, target: String)]

    /// - Parameters:
    ///   - namespace: that of the pod that is played.
    ///   - domain: of the cluster.
    public init(_ services: some Sequence<NamedService>, namespace: String, domain: DNSName) {
        self.namespace = namespace
        self.domain = String("\(domain)".dropLast())
        let services = services.sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
        var (own, pods): ([Entry], [Entry]) = ([], [])
        var aliases: [String: String] = [:]
        for service in services {
            let name = "\(service.name).\(service.namespace)"
            switch service.form {
            case .doors(let addresses, _):
                own.append(Entry(name: name, namespace: service.namespace, addresses: addresses.map { "\($0)" }))
            case .endpoints(let ports):
                let endpoints = ports.flatMap(\.endpoints)
                let addresses = endpoints.map { "\($0.address.ip)" }.withoutRepetitions()
                own.append(Entry(name: name, namespace: service.namespace, addresses: addresses))
                for (label, places) in Dictionary(grouping: endpoints, by: \.name).sorted(by: { $0.key < $1.key }) {
                    let addresses = places.map { "\($0.address.ip)" }.withoutRepetitions()
                    pods.append(
                        Entry(name: "\(label).\(name)", namespace: service.namespace, addresses: addresses))
                }
            case .alias(let target):
                aliases[name] = target
            }
        }
        let known = Dictionary((own + pods).map { ($0.name, $0.addresses) }, uniquingKeysWith: { first, _ in first })
        var leftOut: [(String, String)] = []
        for service in services {
            let name = "\(service.name).\(service.namespace)"
            guard let target = aliases[name] else { continue }
            if let found = Self.end(of: target, domain, aliases), let addresses = known[found] {
                own.append(Entry(name: name, namespace: service.namespace, addresses: addresses))
            } else {
                leftOut.append(("\(service.namespace)/\(service.name)", target))
            }
        }
        self.leftOut = leftOut
        // Where two have a name it is the Service's own, as in DNS.
        // What is no name would be another one behind a blank, or another line: it has no place in such a file.
        entries = (own.sorted { $0.name < $1.name } + pods).filter { ObjectName.subdomain.admits($0.name) }
    }

    /// Where a name leads over any others: what stands below `svc` and the domain. Nil if that is not in the cluster,
    /// or in circles.
    private static func end(of target: String, _ domain: DNSName, _ aliases: [String: String]) -> String? {
        var target = target
        for _ in 0..<NameTable.mostAliases {
            guard let name = DNSName(target) else { return nil }
            let inner = name.relative(to: domain) ?? name
            let short = String("\(inner.relative(to: NameTable.service) ?? inner)".dropLast())
            guard let next = aliases[short] else { return short }
            target = next
        }
        return nil
    }

    /// The lines, for a file of their own.
    public var text: String { text(without: []) }

    /// The lines behind those of the system, which count where both have a name: `localhost` stays what it is.
    public func text(behind system: String) -> String {
        let end = system.isEmpty || system.hasSuffix("\n") ? "" : "\n"
        return system + end + text(without: Self.names(in: system))
    }

    /// Names of Services that the system's own lines have already.
    public func hidden(by system: String) -> [String] {
        let taken = Self.names(in: system)
        return entries.flatMap(forms).filter(taken.contains).withoutRepetitions()
    }

    private func text(without others: Set<String>) -> String {
        var text = "# Services, as Portico serves them.\n"
        var taken = others
        for entry in entries {
            let names = forms(of: entry).filter { taken.insert($0).inserted }.joined(separator: " ")
            guard !names.isEmpty else { continue }
            for address in entry.addresses { text += "\(address)\t\(names)\n" }
        }
        return text
    }

    /// Every name of an entry. The longest is the first, which programs take for the real one.
    private func forms(of entry: Entry) -> [String] {
        let short = entry.namespace == namespace ? [String(entry.name.dropLast(namespace.utf8.count + 1))] : []
        return ["\(entry.name).svc.\(domain)", "\(entry.name).svc", entry.name] + short
    }

    /// All names that a file has, in lower case.
    private static func names(in text: String) -> Set<String> {
        var names: Set<String> = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            names.formUnion(words.dropFirst().map { $0.lowercased() })
        }
        return names
    }
}

extension Sequence where Element: Hashable {
    /// The first of each that are equal.
    fileprivate func withoutRepetitions() -> [Element] {
        var known: Set<Element> = []
        return filter { known.insert($0).inserted }
    }
}
