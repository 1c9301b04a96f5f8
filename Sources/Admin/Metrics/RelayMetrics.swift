internal import Balancing
internal import Relay

/// The metrics of the data plane as a whole.
struct RelayMetrics {
    let snapshot: RelaySnapshot
    let budget: DescriptorBudget

    func write(to text: inout MetricText) {
        writeConnections(to: &text)
        writeDials(to: &text)
        writeBytes(to: &text)
        writeShortages(to: &text)
    }

    private func writeConnections(to text: inout MetricText) {
        let (total, sum) = (snapshot.total, snapshot.sum)
        text.value(
            "portico_service_ports", .gauge, "Service ports that are served.",
            Set(snapshot.ports.keys.map { ServicePortID($0.name, $0.transport) }).count)
        text.value(
            "portico_accepted", .counter, "Clients accepted; over UDP, flows opened.", sum.accepted)
        text.value("portico_connections", .gauge, "TCP connections open now, being dialled included.", total.open)
        text.value("portico_connections_half_open", .gauge, "Those with one direction ended.", total.halfOpen)
        text.value("portico_udp_flows", .gauge, "UDP flows open now.", max(0, sum.open - total.open))
        text.value("portico_held", .gauge, "Clients that wait for an endpoint now.", sum.held)
        text.value("portico_hold_timeouts", .counter, "Clients that waited for an endpoint in vain.", sum.holdTimeouts)
        text.family("portico_connections_ended", .counter, "TCP clients by how they ended.") { family in
            for outcome in ConnectionRecord.Outcome.allCases {
                family.add(total.endings[outcome], MetricLabels(["outcome": outcome.label]))
            }
        }
        text.durations(
            "portico_connection_duration_seconds", "How long TCP connections were open, of those that have ended.",
            total.lasting)
    }

    private func writeDials(to text: inout MetricText) {
        let (total, sum) = (snapshot.total, snapshot.sum)
        text.family("portico_dials", .counter, "Attempts to reach an endpoint by what became of them.") { family in
            for result in DialResult.allCases {
                family.add(total.dials[result], MetricLabels(["result": result.label]))
            }
        }
        text.durations(
            "portico_connect_duration_seconds",
            "From a client's arrival until an endpoint had taken it, over TCP, holding included.", total.connecting)
        text.value("portico_ejections", .counter, "How often an endpoint was taken out of use.", sum.ejections)
        text.value("portico_readmissions", .counter, "How often a probe put one back.", sum.readmissions)
        text.value("portico_endpoints_ejected", .gauge, "Endpoints that are out of use now.", sum.ejectedEndpoints)
    }

    private func writeBytes(to text: inout MetricText) {
        let (total, sum) = (snapshot.total, snapshot.sum)
        text.family("portico_bytes", .counter, "Bytes carried; up is from clients to endpoints.") { family in
            family.add(sum.bytesUp, MetricLabels(["direction": "up"]))
            family.add(sum.bytesDown, MetricLabels(["direction": "down"]))
        }
        text.family("portico_relayed_bytes", .counter, "TCP bytes by how they were carried.") { family in
            family.add(total.splicedBytes, MetricLabels(["way": "spliced"]))
            family.add(total.copiedBytes, MetricLabels(["way": "copied"]))
        }
        text.family("portico_datagrams", .counter, "UDP datagrams carried; up is from clients to endpoints.") {
            family in
            family.add(sum.datagramsUp, MetricLabels(["direction": "up"]))
            family.add(sum.datagramsDown, MetricLabels(["direction": "down"]))
        }
        text.family("portico_datagrams_dropped", .counter, "UDP datagrams given up, by why.") { family in
            for reason in DropReason.allCases {
                family.add(total.drops[reason], MetricLabels(["reason": reason.label]))
            }
        }
    }

    private func writeShortages(to text: inout MetricText) {
        let total = snapshot.total
        text.value(
            "portico_accept_pauses", .counter, "How often accepting paused at a service port.", total.acceptPauses)
        text.value("portico_shed", .counter, "Clients reset because descriptors had run out.", total.shed)
        text.value("portico_udp_flows_evicted", .counter, "UDP flows that ended to make room.", total.flowsEvicted)
        text.value("portico_drain_cut", .counter, "Connections that the end of a drain reset.", total.endedByDrain)
        text.family("portico_pipes", .gauge, "Pipes of the pool, by whether they hold bytes.") { family in
            family.add(total.pipesLent, MetricLabels(["state": "lent"]))
            family.add(total.pipes - total.pipesLent, MetricLabels(["state": "free"]))
        }
        text.family("portico_budget", .gauge, "How many of each there may be; follows from the limit of open files.") {
            $0.add(budget.connections, MetricLabels(["of": "connections"]))
            $0.add(budget.dials, MetricLabels(["of": "dials"]))
            $0.add(budget.flows, MetricLabels(["of": "flows"]))
            $0.add(budget.listeners, MetricLabels(["of": "listeners"]))
        }
    }
}

extension MetricText {
    fileprivate mutating func durations(_ name: String, _ help: String, _ durations: Durations) {
        family(name, .histogram, help) { family in
            family.add(
                counts: durations.counts, bounds: durations.bounds.map { Double($0) / 1000 },
                sum: Double(durations.sum) / 1000)
        }
    }
}

extension DialResult {
    fileprivate var label: String {
        switch self {
        case .connected: "connected"
        case .refused: "refused"
        case .timedOut: "timed_out"
        case .unreachable: "unreachable"
        case .reset: "reset"
        case .other: "other"
        }
    }
}

extension DropReason {
    fileprivate var label: String {
        switch self {
        case .unserved: "unserved"
        case .toEndpoint: "to_endpoint"
        case .toClient: "to_client"
        }
    }
}

extension ConnectionRecord.Outcome {
    /// In metrics and the access log.
    var label: String {
        switch self {
        case .completed: "completed"
        case .clientReset: "client_reset"
        case .endpointReset: "endpoint_reset"
        case .abandoned: "abandoned"
        case .noEndpoint: "no_endpoint"
        case .unreachable: "unreachable"
        case .halfOpenLimit: "half_open_limit"
        case .drained: "drained"
        case .exhausted: "exhausted"
        case .notAdmitted: "not_admitted"
        }
    }
}
