import Balancing
import Base
import Cluster
import DemoPods
import EventLoop
import Objects
import Resolution
import Status

/// Puts the demo pods in the place of the endpoints of manifests.
final class DemoStandIns: Sendable {
    private let pods: DemoPods
    private let played: DemoPodsArgument
    private let users = Guarded(Users())

    /// Which pods each Service has, and how many Services have each.
    private struct Users {
        private var pods: [ObjectKey: Set<String>] = [:]
        private(set) var counts: [String: Int] = [:]

        /// - Returns: whether there are pods that no Service has any more.
        mutating func replace(_ names: Set<String>, of key: ObjectKey) -> Bool {
            var isAnyGone = false
            let before = pods[key] ?? []
            pods[key] = names.isEmpty ? nil : names
            for name in names.subtracting(before) { counts[name, default: 0] += 1 }
            for name in before.subtracting(names) {
                let count = (counts[name] ?? 1) - 1
                counts[name] = count == 0 ? nil : count
                if count == 0 { isAnyGone = true }
            }
            return isAnyGone
        }
    }

    init(only played: DemoPodsArgument = .all) throws(SystemError) {
        self.played = played
        // The other half is for those who come to them.
        pods = try DemoPods(ceiling: ResourceLimits.raiseDescriptorLimit() / 2)
    }

    /// Lets the pods go that are in no manifest any more; one that comes back is a new pod.
    func update(_ changed: [ServedName]) {
        let kept: Set<String>? = users.withLock { users in
            var isAnyGone = false
            for name in changed {
                let ports = name.resolved?.ports ?? []
                let endpoints = ports.flatMap { $0.endpoints.ipv4.cluster + $0.endpoints.ipv6.cluster }
                // Those of headless Services are reached by name.
                let headless = (name.resolved?.headless ?? []).flatMap(\.endpoints)
                if users.replace(Set((endpoints + headless).map(Self.name)), of: name.key) { isAnyGone = true }
            }
            return isAnyGone ? Set(users.counts.keys) : nil
        }
        if let kept { pods.update(keeping: kept) }
    }

    /// Where the stand-in of `endpoint` listens; nil for one that somebody else runs, and if there can be none, which
    /// the endpoint's silence then shows.
    func address(for endpoint: ServiceEndpoint) -> EndpointAddress? {
        guard played == .all || endpoint.isPlayed,
            let address = try? pods.standIn(podName: Self.name(endpoint), address: endpoint.address.description)
        else { return nil }
        return EndpointAddress(ip: IPAddress(v4: UInt32(truncatingIfNeeded: address.low)), port: address.port)
    }

    private static func name(_ endpoint: ServiceEndpoint) -> String {
        endpoint.podName ?? endpoint.address.ip.description
    }
}
