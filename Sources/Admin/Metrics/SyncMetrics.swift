internal import Base

/// The metrics of bringing changes in force: those that kube-proxy has under its names, so that its dashboards and
/// alerts go on working, and those that it lacks under ours.
struct SyncMetrics {
    let state: SyncMeter.State

    func write(to text: inout MetricText) {
        let families = state.families.sorted { $0.key.rawValue < $1.key.rawValue }.map { family, value in
            (MetricLabels(["ip_family": "IPv\(family.rawValue)"]), value)
        }
        text.family(
            "kubeproxy_sync_proxy_rules_duration_seconds", .histogram, "How long bringing the rules in force took."
        ) { all in
            for (labels, family) in families {
                all.add(
                    counts: family.durations.counts, bounds: family.durations.bounds, sum: family.durations.sum, labels)
            }
        }
        text.family(
            "kubeproxy_sync_proxy_rules_last_timestamp_seconds", .gauge, "When the rules were last in force."
        ) { all in
            for (labels, family) in families {
                if let time = family.lastInForce { all.add(time, labels) }
            }
        }
        text.family(
            "kubeproxy_sync_proxy_rules_iptables_restore_failures", .counter, "Attempts at the rules that failed."
        ) { all in
            for (labels, family) in families { all.add(family.failures, labels) }
        }
        text.family("portico_rules_in_force", .gauge, "1 if the rules of the family are as they should be.") { all in
            for (labels, family) in families { all.add(family.isInForce ? 1 : 0, labels) }
        }
        if let time = state.lastQueued {
            text.value(
                "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", .gauge,
                "When a change last came that is to be brought in force.", time)
        }
        writeChanges(to: &text)
        text.value("portico_rule_programs", .counter, "Programs started to change rules.", state.processes)
        text.value("portico_rule_bytes", .counter, "Bytes that they were given.", state.bytes)
        text.family("portico_handovers", .counter, "Take-overs without a gap, by which side this process was.") { all in
            all.add(state.takeovers, MetricLabels(["role": "successor"]))
            all.add(state.successions, MetricLabels(["role": "predecessor"]))
        }
    }

    private func writeChanges(to text: inout MetricText) {
        text.value(
            "kubeproxy_sync_proxy_rules_service_changes", .counter, "Changes of Services that have come.",
            state.serviceChanges)
        text.value(
            "kubeproxy_sync_proxy_rules_endpoint_changes", .counter, "Changes of endpoints that have come.",
            state.endpointChanges)
        text.value(
            "kubeproxy_sync_proxy_rules_service_changes_pending", .gauge, "Those of Services not in force yet.",
            state.pendingServices)
        text.value(
            "kubeproxy_sync_proxy_rules_endpoint_changes_pending", .gauge, "Those of endpoints not in force yet.",
            state.pendingEndpoints)
        text.family(
            "kubeproxy_network_programming_duration_seconds", .histogram,
            "From a change of endpoints in the cluster until it was in force here."
        ) { all in
            all.add(counts: state.programming.counts, bounds: state.programming.bounds, sum: state.programming.sum)
        }
    }
}
