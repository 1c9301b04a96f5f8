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
struct ServicePortMetrics {
    private var ports: [(labels: MetricLabels, counters: PortCounters)] = []

    init(_ snapshot: RelaySnapshot, _ services: MetricServices) {
        guard services != .none else { return }
        let wanted = snapshot.ports.filter { services.contains($0.key.name, $0.value) }
        ports = wanted.sorted { $0.key < $1.key }.map { id, counters in
            let labels = MetricLabels([
                "namespace": id.name.namespace, "service": id.name.service, "port": id.name.port,
                "ip_family": "IPv\(id.list.family.rawValue)", "traffic_policy": "\(id.list.policy)",
                "protocol": id.transport.rawValue,
            ])
            return (labels, counters)
        }
    }

    func write(to text: inout MetricText) {
        counter(\.accepted, "portico_service_accepted", "Clients accepted; over UDP, flows opened.", &text)
        gauge(\.open, "portico_service_connections", "Connections and flows open now, being dialled included.", &text)
        counter(
            \.refused, "portico_service_refused", "Clients reset because no endpoint was there or could be reached.",
            &text)
        counter(\.broken, "portico_service_broken", "Connections that ended by a reset or another error.", &text)
        counter(
            \.dialFailures, "portico_service_dial_failures", "Attempts to reach an endpoint that failed.", &text)
        directions(
            "portico_service_bytes", "Bytes carried; up is from clients to endpoints.", \.bytesUp, \.bytesDown, &text)
        directions(
            "portico_service_datagrams", "Datagrams carried; up is from clients to endpoints.", \.datagramsUp,
            \.datagramsDown, &text)
        counter(\.dropped, "portico_service_datagrams_dropped", "Datagrams given up.", &text)
        gauge(\.held, "portico_service_held", "Clients that wait for an endpoint now.", &text)
        counter(\.holdTimeouts, "portico_service_hold_timeouts", "Clients that waited for an endpoint in vain.", &text)
        counter(
            \.ejections, "portico_service_ejections", "How often an endpoint was taken out of use as not reachable.",
            &text)
        gauge(\.ejectedEndpoints, "portico_service_endpoints_ejected", "Endpoints that are out of use now.", &text)
        gauge(\.pinnedClients, "portico_service_affinity_clients", "Clients that keep their endpoint now.", &text)
        counter(
            \.acceptPauses, "portico_service_accept_pauses", "How often accepting paused for want of something scarce.",
            &text)
    }

    private func counter(
        _ path: KeyPath<PortCounters, UInt64>, _ name: String, _ help: String, _ text: inout MetricText
    ) {
        text.family(name, .counter, help) { family in
            for port in ports { family.add(port.counters[keyPath: path], port.labels) }
        }
    }

    private func gauge(_ path: KeyPath<PortCounters, Int>, _ name: String, _ help: String, _ text: inout MetricText) {
        text.family(name, .gauge, help) { family in
            for port in ports { family.add(port.counters[keyPath: path], port.labels) }
        }
    }

    private func directions(
        _ name: String, _ help: String, _ up: KeyPath<PortCounters, UInt64>, _ down: KeyPath<PortCounters, UInt64>,
        _ text: inout MetricText
    ) {
        text.family(name, .counter, help) { family in
            for port in ports {
                family.add(port.counters[keyPath: up], port.labels.with("direction", "up"))
                family.add(port.counters[keyPath: down], port.labels.with("direction", "down"))
            }
        }
    }
}
