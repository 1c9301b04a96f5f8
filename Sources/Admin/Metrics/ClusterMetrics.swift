public import KubernetesAPI

/// The metrics of following an API server.
struct ClusterMetrics {
    let meter: APIMeter
    let server: String

    func write(to text: inout MetricText) {
        let requests = meter.requests.sorted {
            ($0.key.method.rawValue, $0.key.status ?? 0) < ($1.key.method.rawValue, $1.key.status ?? 0)
        }
        text.family("rest_client_requests", .counter, "Requests to the API server, by the status of the answer.") {
            all in
            for (request, count) in requests {
                let code = request.status.map { "\($0)" } ?? "<error>"
                all.add(count, MetricLabels(["code": code, "host": server, "method": request.method.rawValue]))
            }
        }
        // Of several namespaces, the one that is worst off counts.
        let watches = Dictionary(grouping: meter.watches, by: \.resource).sorted { $0.key < $1.key }
            .map { resource, watches in (MetricLabels(["resource": resource]), watches) }
        text.family("portico_watch_up", .gauge, "1 if the API server can be followed, as far as is known.") { all in
            for (labels, watches) in watches { all.add(watches.allSatisfy(\.isUp) ? 1 : 0, labels) }
        }
        text.family("portico_watch_synced", .gauge, "1 once all objects have been known.") { all in
            for (labels, watches) in watches { all.add(watches.allSatisfy(\.hasSynced) ? 1 : 0, labels) }
        }
        text.family("portico_watch_age_seconds", .gauge, "Since the API server last said something about them.") {
            all in
            let now = ContinuousClock.now
            for (labels, watches) in watches {
                guard let oldest = watches.compactMap(\.lastHeard).min() else { continue }
                all.add((now - oldest) / .seconds(1), labels)
            }
        }
        text.family("portico_watch_requests", .counter, "Lists and watches begun.") { all in
            for (labels, watches) in watches { all.add(watches.reduce(0) { $0 + $1.requests }, labels) }
        }
        text.family("portico_watch_failures", .counter, "Lists and watches that failed or broke off.") { all in
            for (labels, watches) in watches { all.add(watches.reduce(0) { $0 + $1.failures }, labels) }
        }
    }
}
