import Balancing
import Base
import Objects
import Proxy
import Relay
import Status

/// Keeps what a live view needs to know of a session, and makes its model when asked. Told of changes by Service and of
/// reports of the relay; counters it reads itself.
struct ViewFeed {
    /// How long what failed last is told of a Service that is well again.
    private static let memory = Duration.seconds(60)
    /// How long a failure counts where nobody looks whether the endpoint is back, as over UDP.
    private static let doubt = Duration.seconds(5)
    /// Rates are of this time at least, or they jump.
    private static let interval = Duration.seconds(1)

    private struct Failure {
        var text: String
        var clock: String
        var time: ContinuousClock.Instant
        var count = 1
    }

    private struct Sample {
        var time: ContinuousClock.Instant
        /// Of ports that have carried some.
        var bytes: [ServicePortID: UInt64]
        var sum: UInt64
    }

    private let name: String
    private var remarks: [String]
    private var rows = ViewRows()
    private var problems = 0
    private var phase = Status.Phase.serving
    private var failures: [ServicePortID: Failure] = [:]
    private var sample: Sample?
    private var rates: (ports: [ServicePortID: UInt64], sum: UInt64) = ([:], 0)

    init(name: String, remarks: [String] = []) {
        self.name = name
        self.remarks = remarks
    }

    // MARK: What it is told

    /// All of it, in place of what was known.
    mutating func begin(_ services: [ObjectKey: ServedService], problems: Int, phase: Status.Phase) {
        rows.replace(services)
        (self.problems, self.phase) = (problems, phase)
    }

    mutating func take(_ change: StatusChange, problems: Int) {
        for (key, service) in change.services {
            rows.update(key, service.after)
            let ports = Set(service.after?.ports.map(\.id) ?? [])
            for port in service.before?.ports ?? [] where !ports.contains(port.id) { failures[port.id] = nil }
        }
        self.problems = problems
        phase = change.phase ?? phase
    }

    /// - Returns: whether it is something to be shown.
    mutating func take(_ event: RelayEvent, clock: WallClockTime, at now: ContinuousClock.Instant = .now) -> Bool {
        switch event {
        case .dialFailed(let failure):
            let count = (failures[failure.port]?.count ?? 0) + 1
            failures[failure.port] = Failure(
                text: "\(failure.endpoint.title): \(failure.reason)", clock: String(clock.clock.prefix(8)), time: now,
                count: count)
            // Of more of the same, once a second is often enough.
            return count == 1
        case .endpointReadmitted: return true
        default: return false
        }
    }

    mutating func add(remark: String) { remarks.insert(remark, at: 0) }

    // MARK: What it shows

    mutating func model(_ snapshot: RelaySnapshot, at now: ContinuousClock.Instant = .now) -> ViewModel {
        measure(snapshot, at: now)
        failures = failures.filter {
            now - $0.value.time < Self.memory || snapshot.ports[$0.key]?.ejectedEndpoints ?? 0 > 0
        }
        var model = ViewModel(name: name)
        let sum = snapshot.sum
        (model.open, model.accepted, model.rate) = (sum.open, sum.accepted, rates.sum)
        (model.problems, model.phase, model.remarks) = (problems, phase, remarks)
        // Most have never been used: those that have are looked up, and no other.
        var awake: [ServicePortID: PortFacts.Moment] = [:]
        for (id, counters) in snapshot.ports where counters.isOfInterest { awake[id] = moment(id, counters, at: now) }
        for id in failures.keys where awake[id] == nil { awake[id] = moment(id, snapshot.ports[id], at: now) }
        rows.settle(awake)
        model.rows = rows.rows
        return model
    }

    private mutating func measure(_ snapshot: RelaySnapshot, at now: ContinuousClock.Instant) {
        if let sample, now - sample.time < Self.interval { return }
        var bytes: [ServicePortID: UInt64] = [:]
        for (id, counters) in snapshot.ports where counters.bytesUp + counters.bytesDown > 0 {
            bytes[id] = counters.bytesUp + counters.bytesDown
        }
        let total = snapshot.sum
        let next = Sample(time: now, bytes: bytes, sum: total.bytesUp + total.bytesDown)
        if let sample {
            let seconds = (now - sample.time) / .seconds(1)
            func rate(_ bytes: UInt64, _ before: UInt64) -> UInt64 {
                bytes > before ? UInt64(Double(bytes - before) / seconds) : 0
            }
            rates.sum = rate(next.sum, sample.sum)
            rates.ports = [:]
            for (port, bytes) in bytes {
                let rate = rate(bytes, sample.bytes[port] ?? 0)
                if rate > 0 { rates.ports[port] = rate }
            }
        }
        sample = next
    }

    private func moment(
        _ id: ServicePortID, _ counters: PortCounters?, at now: ContinuousClock.Instant
    ) -> PortFacts.Moment {
        let failure = failures[id]
        return PortFacts.Moment(
            counters: counters, rate: rates.ports[id] ?? 0,
            failure: failure.map {
                "\($0.clock) \($0.text)" + ($0.count == 1 ? "" : ", \(several($0.count, "failure"))")
            },
            isInDoubt: id.transport == .udp && failure.map { now - $0.time < Self.doubt } == true)
    }
}

extension PortCounters {
    /// There is something to show that is not so at rest.
    fileprivate var isOfInterest: Bool {
        open != 0 || accepted != 0 || ejectedEndpoints != 0 || bytesUp != 0 || bytesDown != 0
    }
}
