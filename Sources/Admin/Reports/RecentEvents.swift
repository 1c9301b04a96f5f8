internal import Balancing
public import Base
public import Relay
public import Status

/// What has happened lately that a person would want to see: a few hundred, the oldest leaving first. Any thread.
public final class RecentEvents: Sendable {
    struct Event: Sendable {
        var id: UInt64
        var time: Int64
        var kind: String
        var service: String
        var endpoint: String
        var text: String
        var count = 1
    }

    private struct State {
        var events: [Event] = []
        var last: UInt64 = 0
    }

    private static let most = 500
    /// Nanoseconds in which more of the same is one event.
    private static let lull: Int64 = 5_000_000_000

    private let state = Guarded(State())
    private let clock: HealthClock

    public init(clock: HealthClock = .system) { self.clock = clock }

    public func add(_ kind: String, service: String = "", endpoint: String = "", _ text: String) {
        let now = clock.wallNanoseconds()
        state.withLock { state in
            state.last += 1
            let index = state.events.suffix(20).lastIndex {
                $0.kind == kind && $0.service == service && $0.endpoint == endpoint && $0.text == text
                    && now - $0.time < Self.lull
            }
            if let index {
                var event = state.events.remove(at: index)
                event.id = state.last
                event.count += 1
                state.events.append(event)
                return
            }
            if state.events.count >= Self.most { state.events.removeFirst(Self.most / 10) }
            state.events.append(
                Event(id: state.last, time: now, kind: kind, service: service, endpoint: endpoint, text: text))
        }
    }

    /// Those with a number above `after`.
    func report(after: UInt64) -> JSONValue {
        let (events, last) = state.withLock { state in (state.events.filter { $0.id > after }, state.last) }
        let values = events.map { event -> JSONValue in
            [
                "id": .integer(Int(clamping: event.id)), "time": .string(rfc3339(event.time)),
                "kind": .string(event.kind), "service": .string(event.service), "endpoint": .string(event.endpoint),
                "text": .string(event.text), "count": .integer(event.count),
            ]
        }
        return ["last": .integer(Int(clamping: last)), "events": .array(values)]
    }
}

// MARK: - What counts as one

extension RecentEvents {
    public func take(_ event: RelayEvent) {
        func title(_ endpoint: Endpoint) -> String {
            endpoint.podName.isEmpty ? "\(endpoint.address)" : "\(endpoint.podName) \(endpoint.address)"
        }
        switch event {
        case .dialFailed(let failure):
            add(
                "dial failed", service: "\(failure.port)", endpoint: title(failure.endpoint),
                SystemError.reason(failure.code))
        case .endpointEjected(let port, let endpoint):
            add("ejected", service: "\(port)", endpoint: title(endpoint), "passed over until it answers")
        case .endpointReadmitted(let port, let endpoint):
            add("readmitted", service: "\(port)", endpoint: title(endpoint), "answers again")
        case .waitingForEndpoint(let port): add("waiting", service: "\(port)", "a client waits for an endpoint")
        case .acceptPaused(let port, _): add("paused", service: "\(port)", "new clients have to wait")
        case .flowsEvicted(let port): add("evicted", service: "\(port)", "UDP flows ended to make room")
        case .clientRefused(let port, _, let user):
            add("refused", service: "\(port)", "clients of \(user.map { "user \($0)" } ?? "another machine")")
        case .listenerFailed(let port, let error): add("listener failed", service: "\(port)", "\(error)")
        case .connectionEnded, .clientAccepted, .sourceNotPreserved: break
        }
    }

    public func take(_ change: StatusChange) {
        for problem in change.problems.new { add("problem", service: problem.subject, problem.text) }
        for problem in change.problems.over { add("over", service: problem.subject, problem.text) }
        if let phase = change.phase { add("phase", "\(phase)") }
        // As at the start, or when a namespace goes.
        guard change.services.count <= 20 else { return add("changed", "\(change.services.count) Services at once") }
        for (key, service) in change.services {
            let (before, after) = (service.before?.ports ?? [], service.after?.ports ?? [])
            if service.before == nil {
                add("added", service: "\(key)", "is served")
            } else if service.after == nil {
                add("removed", service: "\(key)", "is not served any more")
            } else {
                let (old, new) = (Set(before.flatMap(\.endpoints)), Set(after.flatMap(\.endpoints)))
                if old != new {
                    add(
                        "endpoints", service: "\(key)",
                        "\(new.subtracting(old).count) more, \(old.subtracting(new).count) fewer")
                }
            }
        }
    }
}
