import Balancing
import Base
import Objects
import Proxy
import Relay
import Status

/// Keeps what a live view needs to know of a session, and makes its model when asked. Told of changes by Service and of reports of
/// the relay; counters it reads itself.
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
        var bytes: [ServicePortID: UInt64]
        var sum: UInt64
    }

    private let name: String
    private var remarks: [String]
    private var services: [ObjectKey: ServedService] = [:]
    private var order: [ObjectKey]?
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
        (self.services, self.problems, self.phase) = (services, problems, phase)
        order = nil
    }

    mutating func take(_ change: StatusChange, problems: Int) {
        for (key, service) in change.services {
            if services[key] == nil || service.after == nil { order = nil }
            services[key] = service.after
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
        let order = self.order ?? services.keys.sorted()
        self.order = order
        for key in order {
            guard let service = services[key] else { continue }
            for port in service.ports { model.rows.append(row(port, service, snapshot.ports[port.id], at: now)) }
        }
        return model
    }

    private mutating func measure(_ snapshot: RelaySnapshot, at now: ContinuousClock.Instant) {
        if let sample, now - sample.time < Self.interval { return }
        let bytes = snapshot.ports.mapValues { $0.bytesUp + $0.bytesDown }
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

    private func row(
        _ port: PortStatus, _ service: ServedService, _ counters: PortCounters?, at now: ContinuousClock.Instant
    ) -> ServiceRow {
        let endpoints = port.endpoints.count
        let usable = max(0, endpoints - (counters?.ejectedEndpoints ?? 0))
        let failure = failures[port.id]
        let isInDoubt = port.id.transport == .udp && failure.map { now - $0.time < Self.doubt } == true
        let isOpen = port.doors.contains { $0.listening != nil }
        let problem = port.doors.lazy.compactMap(\.problem).first
        let isWhole = usable == endpoints && problem == nil && !isInDoubt
        let state: ServiceRow.State =
            !isOpen ? .closed : endpoints == 0 ? .empty : usable == 0 ? .failing : isWhole ? .ok : .partly
        var row = ServiceRow(
            id: port.id, state: state, addresses: Self.addresses(port.doors), endpoints: endpoints, usable: usable,
            rate: rates.ports[port.id] ?? 0)
        if let counters { (row.open, row.accepted) = (counters.open, counters.accepted) }
        if let problem {
            row.remark = problem
        } else if state == .empty {
            row.remark = service.notes.first { !$0.isDetail }?.text ?? port.absence
        } else {
            row.remark = failure.map { "\($0.clock) \($0.text)" + ($0.count == 1 ? "" : ", \($0.count) failures") }
        }
        // What serves it is of interest also while all is well.
        if let local = port.local {
            row.remark = ([local.text] + [row.remark].compactMap(\.self)).joined(separator: "; ")
        }
        return row
    }

    /// The same port on both loopback addresses, as `--publish` gives it, is one of localhost.
    private static func addresses(_ doors: [DoorStatus]) -> [String] {
        var addresses: [String] = []
        for door in doors {
            guard let address = door.listening else {
                addresses.append("(\(door.wanted) failed)")
                continue
            }
            let other = "\(address)".hasPrefix("[::1]:") ? "127.0.0.1:\(address.port)" : nil
            if let other, let index = addresses.firstIndex(of: other) {
                addresses[index] = "localhost:\(address.port)"
            } else {
                addresses.append(door.isRemapped ? "\(address) (for \(door.wanted.port))" : "\(address)")
            }
        }
        return addresses
    }
}
