import Base
import Objects
import TestSupport
import Testing

@testable import Admin

@Suite("How changes are brought in force, as metrics") struct SyncMeterTests {
    private final class Clock: Sendable {
        let seconds = Locked(1_000_000.0)
        var meter: SyncMeter { SyncMeter { [seconds] in seconds.withLock { $0 } } }
        func pass(_ time: Double) { seconds.withLock { $0 += time } }
    }

    private func slice(_ name: String, changedAt text: String?) -> (id: ObjectID, object: ClusterObject?) {
        var slice = EndpointSlice(metadata: ObjectMeta(name: name, namespace: "shop"), addressType: .ipv4)
        if let text { slice.metadata.annotations["endpoints.kubernetes.io/last-change-trigger-time"] = text }
        let object = ClusterObject.endpointSlice(slice)
        return (object.id, object)
    }

    private func text(_ meter: SyncMeter) -> String {
        var text = MetricText(.prometheus)
        SyncMetrics(state: meter.current).write(to: &text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test(
        "A change of endpoints is measured from its own time, unless it is older than this process, and gone ones are not"
    )
    func programming() {
        let clock = Clock()
        let meter = clock.meter
        // 1970-01-12T13:46:40Z is a million seconds.
        clock.pass(2)
        let gone = slice("c", changedAt: nil).id
        meter.queue([
            slice("a", changedAt: "1970-01-12T13:46:41.5Z"), slice("b", changedAt: "1970-01-12T13:46:39Z"),
            (gone, nil), slice("d", changedAt: "yesterday"),
        ])
        var state = meter.current
        #expect(state.endpointChanges == 4 && state.pendingEndpoints == 4 && state.lastQueued == 1_000_002)
        #expect(state.programming.counts.allSatisfy { $0 == 0 })
        clock.pass(1)
        meter.inForce()
        #expect(meter.current.pendingEndpoints == 4, "the relay has not been told")
        meter.served()
        meter.inForce()
        state = meter.current
        #expect(state.pendingEndpoints == 0 && state.programming.counts.reduce(0, +) == 1)
        #expect(abs(state.programming.sum - 1.5) < 0.001)
        meter.inForce()
        #expect(meter.current.programming.counts.reduce(0, +) == 1)
        #expect(text(meter).contains("kubeproxy_network_programming_duration_seconds_bucket{le=\"2.0\"} 1\n"))
    }

    @Test("What comes while an attempt is under way is not in force by it")
    func meanwhile() {
        let clock = Clock()
        let meter = clock.meter
        clock.pass(1)
        meter.queue([slice("a", changedAt: "1970-01-12T13:46:40.5Z")])
        meter.served()
        meter.attemptBegins()
        let mark = meter.mark
        meter.queue([slice("b", changedAt: "1970-01-12T13:46:41Z"), slice("c", changedAt: nil)])
        meter.served()
        clock.pass(1)
        meter.inForce(upTo: mark)
        #expect(meter.current.pendingEndpoints == 2 && meter.current.programming.counts.reduce(0, +) == 1)
        meter.attemptBegins()
        clock.pass(8)
        meter.inForce(upTo: meter.mark)
        #expect(meter.current.pendingEndpoints == 0 && abs(meter.current.programming.sum - 10.5) < 0.001)
        // One that is told late takes nothing back.
        meter.inForce(upTo: mark)
        #expect(meter.current.pendingEndpoints == 0)
    }

    @Test("Attempts at the rules by family, failures, what they cost, and hand-overs")
    func attempts() {
        let clock = Clock()
        let meter = clock.meter
        meter.attempted(
            .init(duration: .milliseconds(3), families: [.ipv4: true, .ipv6: false], processes: 2, bytes: 700))
        clock.pass(5)
        meter.attempted(.init(duration: .seconds(20), families: [.ipv4: false], processes: 1, bytes: 10))
        meter.tookOver()
        let text = text(meter)
        for line in [
            "kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.004\"} 1",
            "kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 2",
            "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"IPv4\"} 1000000.0",
            "kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family=\"IPv4\"} 1",
            "kubeproxy_sync_proxy_rules_iptables_restore_failures_total{ip_family=\"IPv6\"} 1",
            "portico_rules_in_force{ip_family=\"IPv4\"} 0", "portico_rule_programs_total 3",
            "portico_rule_bytes_total 710", "portico_handovers_total{role=\"successor\"} 1",
            "portico_handovers_total{role=\"predecessor\"} 0",
        ] { #expect(text.contains(line + "\n"), "\(line) in \(text)") }
        #expect(!text.contains("last_timestamp_seconds{ip_family=\"IPv6\"}"), "they were never in force")
    }

    @Test("Times of the cluster, with and without fractions")
    func times() {
        #expect(SyncMeter.seconds("2026-12-01T00:00:00Z") == 1_796_083_200)
        #expect(
            SyncMeter.seconds("2026-12-01T01:00:00.123456789+01:00").map { abs($0 - 1_796_083_200.123_456_8) < 1e-6 }
                == true)
        #expect(SyncMeter.seconds("now") == nil)
    }
}
