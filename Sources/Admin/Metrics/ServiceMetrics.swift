public import Balancing
internal import Base
public import Relay

/// Which service ports have metrics of their own (`--metrics-services`). A cluster may have ten thousand, and a server of
/// metrics as many times sixteen series for each node.
public enum MetricServices: Hashable, Sendable {
    /// Those that ever had a client.
    case used
    case all
    case none
    /// By `namespace/name`.
    case named(Set<String>)

    func contains(_ name: ServicePortName, _ counters: PortCounters) -> Bool {
        switch self {
        case .used: counters.accepted > 0 || counters.held > 0 || counters.dropped > 0 || counters.ejections > 0
        case .all: true
        case .none: false
        case .named(let names): names.contains("\(name.namespace)/\(name.service)")
        }
    }
}

/// The metrics of single service ports, by family and traffic policy: where one of these goes, its numbers go with it, and no
/// sum of several falls.
///
/// Their order and their labels stay from one scrape to the next, as long as no service port comes or goes.
struct ServicePortMetrics {
    private struct Port {
        let id: ServicePortID
        let labels: MetricLabels
        var counters: PortCounters
    }

    private var ports: [Port] = []

    mutating func take(_ snapshot: RelaySnapshot, _ services: MetricServices) {
        let isSame = ports.indices.allSatisfy { index in
            let id = ports[index].id
            guard let counters = snapshot.ports[id], services.contains(id.name, counters) else { return false }
            ports[index].counters = counters
            return true
        }
        let count = services == .none ? 0 : snapshot.ports.count { services.contains($0.key.name, $0.value) }
        guard !isSame || count != ports.count else { return }
        guard count > 0 else {
            ports = []
            return
        }
        let wanted = snapshot.ports.lazy.filter { services.contains($0.key.name, $0.value) }
        ports = wanted.sorted { $0.key < $1.key }.map { id, counters in
            let labels = MetricLabels([
                "namespace": id.name.namespace, "service": id.name.service, "port": id.name.port,
                "ip_family": "IPv\(id.list.family.rawValue)", "traffic_policy": "\(id.list.policy)",
                "protocol": id.transport.rawValue,
            ])
            return Port(id: id, labels: labels, counters: counters)
        }
    }

    func write(to text: inout MetricText) {
        counter("portico_service_accepted", "Clients accepted; over UDP, flows opened.", &text) { $0.accepted }
        gauge("portico_service_connections", "Connections and flows open now, being dialled included.", &text) {
            $0.open
        }
        counter(
            "portico_service_refused", "Clients reset because no endpoint was there or could be reached.", &text
        ) { $0.refused }
        counter("portico_service_broken", "Connections that ended by a reset or another error.", &text) { $0.broken }
        counter("portico_service_dial_failures", "Attempts to reach an endpoint that failed.", &text) {
            $0.dialFailures
        }
        directions("portico_service_bytes", "Bytes carried; up is from clients to endpoints.", &text) {
            ($0.bytesUp, $0.bytesDown)
        }
        directions("portico_service_datagrams", "Datagrams carried; up is from clients to endpoints.", &text) {
            ($0.datagramsUp, $0.datagramsDown)
        }
        counter("portico_service_datagrams_dropped", "Datagrams given up.", &text) { $0.dropped }
        gauge("portico_service_held", "Clients that wait for an endpoint now.", &text) { $0.held }
        counter("portico_service_hold_timeouts", "Clients that waited for an endpoint in vain.", &text) {
            $0.holdTimeouts
        }
        counter(
            "portico_service_ejections", "How often an endpoint was taken out of use as not reachable.", &text
        ) { $0.ejections }
        gauge("portico_service_endpoints", "Endpoints among which clients are balanced.", &text) { $0.endpoints }
        gauge("portico_service_endpoints_ejected", "Those of them that are out of use now.", &text) {
            $0.ejectedEndpoints
        }
        gauge("portico_service_affinity_clients", "Clients that keep their endpoint now.", &text) {
            $0.pinnedClients
        }
        counter(
            "portico_service_accept_pauses", "How often accepting paused for want of something scarce.", &text
        ) { $0.acceptPauses }
    }

    private func counter(
        _ name: String, _ help: String, _ text: inout MetricText, _ value: (PortCounters) -> UInt64
    ) { family(name, .counter, help, &text, value) }

    private func gauge(_ name: String, _ help: String, _ text: inout MetricText, _ value: (PortCounters) -> Int) {
        family(name, .gauge, help, &text, value)
    }

    private func family(
        _ name: String, _ kind: MetricText.Kind, _ help: String, _ text: inout MetricText,
        _ value: (PortCounters) -> some BinaryInteger
    ) {
        text.family(name, kind, help) { family in
            for port in ports { family.add(value(port.counters), port.labels) }
        }
    }

    private func directions(
        _ name: String, _ help: String, _ text: inout MetricText, _ values: (PortCounters) -> (UInt64, UInt64)
    ) {
        let labels = (up: MetricLabel("direction", "up"), down: MetricLabel("direction", "down"))
        text.family(name, .counter, help) { family in
            for port in ports {
                let (up, down) = values(port.counters)
                family.add(up, port.labels, labels.up)
                family.add(down, port.labels, labels.down)
            }
        }
    }
}
