import Testing

@testable import Admin

@Suite("Metrics as text") struct MetricTextTests {
    private func text(_ format: MetricText.Format, _ write: (inout MetricText) -> Void) -> String {
        var text = MetricText(format)
        write(&text)
        text.finish()
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test("Counters, gauges and histograms in both formats")
    func families() {
        func write(_ text: inout MetricText) {
            text.family("portico_dials", .counter, "Attempts\nof \\ all kinds.") { family in
                family.add(3, MetricLabels(["result": "connected", "who": #"a"b\c"#]))
                family.add(0, MetricLabels(["result": "new\nline"]))
            }
            text.value("portico_connections", .gauge, "Open now.", -2)
            text.value("portico_age_seconds", .gauge, "Age.", 0.25)
            text.family("portico_nothing", .gauge, "Has no samples.") { _ in }
            text.family("portico_wait_seconds", .histogram, "Waits.") { family in
                family.add(counts: [1, 0, 2], bounds: [0.5, 1], sum: 3.5)
                family.add(counts: [0, 0, 0], bounds: [0.5, 1], sum: 0, MetricLabels(["family": "IPv6"]))
            }
        }
        #expect(
            text(.prometheus, write) == #"""
                # HELP portico_dials_total Attempts\nof \\ all kinds.
                # TYPE portico_dials_total counter
                portico_dials_total{result="connected",who="a\"b\\c"} 3
                portico_dials_total{result="new\nline"} 0
                # HELP portico_connections Open now.
                # TYPE portico_connections gauge
                portico_connections -2
                # HELP portico_age_seconds Age.
                # TYPE portico_age_seconds gauge
                portico_age_seconds 0.25
                # HELP portico_wait_seconds Waits.
                # TYPE portico_wait_seconds histogram
                portico_wait_seconds_bucket{le="0.5"} 1
                portico_wait_seconds_bucket{le="1.0"} 1
                portico_wait_seconds_bucket{le="+Inf"} 3
                portico_wait_seconds_sum 3.5
                portico_wait_seconds_count 3
                portico_wait_seconds_bucket{family="IPv6",le="0.5"} 0
                portico_wait_seconds_bucket{family="IPv6",le="1.0"} 0
                portico_wait_seconds_bucket{family="IPv6",le="+Inf"} 0
                portico_wait_seconds_sum{family="IPv6"} 0.0
                portico_wait_seconds_count{family="IPv6"} 0

                """#)
        let open = text(.openMetrics, write)
        #expect(open.hasSuffix("\n# EOF\n") && open.contains("# TYPE portico_dials counter\nportico_dials_total{"))
    }

    @Test("Numbers that are none have names of their own")
    func numbers() {
        let text = text(.prometheus) { text in
            text.family("x", .gauge, "x") { family in
                for value in [Double.infinity, -.infinity, .nan, 1e21, 1764_000_000.5] { family.add(value) }
            }
        }
        #expect(text.hasSuffix("x +Inf\nx -Inf\nx NaN\nx 1e+21\nx 1764000000.5\n"))
    }

    @Test(
        "OpenMetrics is for those who ask for it",
        arguments: [
            (nil, false), ("*/*", false), ("text/plain", false), ("application/openmetrics-text", true),
            // As Prometheus asks.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                    + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", true
            ),
            ("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5", false),
            ("application/openmetrics-text;q=0", false), ("application/openmetrics-text;q=x", false),
        ] as [(String?, Bool)])
    func accepted(accept: String?, isOpen: Bool) {
        #expect((MetricText.Format(accept: accept) == .openMetrics) == isOpen)
    }
}
