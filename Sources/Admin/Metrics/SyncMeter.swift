public import Base
public import Objects

/// How it goes with bringing changes of the cluster in force, for metrics: kube-proxy's, under its names, and some of
/// our own. Any thread.
public final class SyncMeter: Sendable {
    /// What one attempt at the rules came to.
    public struct Attempt: Sendable {
        public var duration: Duration
        /// Whether the rules of each family are as they should be.
        public var families: [IPAddress.Family: Bool]
        /// Programs that were started, and the bytes that they were given.
        public var processes: Int
        public var bytes: Int

        public init(duration: Duration, families: [IPAddress.Family: Bool], processes: Int, bytes: Int) {
            self.duration = duration
            self.families = families
            self.processes = processes
            self.bytes = bytes
        }
    }

    struct Family {
        var durations = DurationHistogram(DurationHistogram.syncing)
        /// In seconds since 1970.
        var lastInForce: Double?
        var isInForce = false
        var failures: UInt64 = 0
    }

    struct State {
        var families: [IPAddress.Family: Family] = [:]
        var lastQueued: Double?
        var serviceChanges: UInt64 = 0
        var endpointChanges: UInt64 = 0
        /// Of these changes, those that are in force; the others are pending.
        var inForce = Mark()
        /// Those that the relay had been told when it was last told any, and when an attempt at the rules last began.
        var served = Mark()
        var attempted = Mark()
        var processes: UInt64 = 0
        var bytes: UInt64 = 0
        /// From the change in the cluster until it was in force here.
        var programming = DurationHistogram(DurationHistogram.programming)
        /// When the changes came about that are not in force yet, each with how many endpoint changes there were by then.
        var triggers: [(time: Double, number: UInt64)] = []
        /// Listening sockets taken over from another process, and such take-overs; and those by another process.
        var takeovers: UInt64 = 0
        var successions: UInt64 = 0

        var pendingServices: UInt64 { serviceChanges - inForce.services }
        var pendingEndpoints: UInt64 { endpointChanges - inForce.endpoints }
    }

    /// How far changes had come at a moment.
    public struct Mark: Sendable, Equatable {
        var services: UInt64 = 0
        var endpoints: UInt64 = 0
    }

    /// Of more that wait at one time, the others are not measured.
    private static let mostTriggers = 10_000
    private static let triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time"

    private let state = Guarded(State())
    private let now: @Sendable () -> Double
    private let beginning: Double

    public init() {
        now = { SyncMeter.secondsSince1970() }
        beginning = Self.secondsSince1970()
    }

    /// - Parameter now: in seconds since 1970.
    init(now: @escaping @Sendable () -> Double) {
        self.now = now
        beginning = now()
    }

    var current: State { state.withLock { $0 } }

    /// Changes have come, and are to be brought in force.
    public func queue(_ objects: some Sequence<(id: ObjectID, object: ClusterObject?)>) {
        let time = now()
        state.withLock { state in
            for (id, object) in objects {
                switch id.kind {
                case .service:
                    state.serviceChanges += 1
                case .endpointSlice, .endpoints:
                    state.endpointChanges += 1
                    if let trigger = trigger(object), state.triggers.count < Self.mostTriggers {
                        state.triggers.append((trigger, state.endpointChanges))
                    }
                default: continue
                }
                state.lastQueued = time
            }
        }
    }

    /// When a change came about, as far as that says something: one from before this process began says how long it was not
    /// there.
    private func trigger(_ object: ClusterObject?) -> Double? {
        guard case .endpointSlice(let slice)? = object,
            let text = slice.metadata.annotations[Self.triggerAnnotation], let trigger = Self.seconds(text)
        else { return nil }
        return trigger >= beginning ? trigger : nil
    }

    /// All changes that have come lead somewhere by now, as far as rules lead there.
    public func served() {
        state.withLock { $0.served = Mark(services: $0.serviceChanges, endpoints: $0.endpointChanges) }
    }

    /// An attempt at the rules begins: it is for what is served by now.
    public func attemptBegins() { state.withLock { $0.attempted = $0.served } }

    /// What the last attempt was for. Others may have come since.
    public var mark: Mark { state.withLock { $0.attempted } }

    /// All changes that have been served are in force, since they mean nothing to the rules.
    public func inForce() { inForce(upTo: state.withLock { $0.served }) }

    /// Changes are in force.
    public func inForce(upTo mark: Mark) {
        let time = now()
        state.withLock { state in
            // Also where the rules had nothing to do: the time of the last change is compared with this one's.
            for (name, family) in state.families where family.isInForce { state.families[name]?.lastInForce = time }
            let done = state.triggers.prefix { $0.number <= mark.endpoints }
            for trigger in done { state.programming.add(max(0, time - trigger.time)) }
            state.triggers.removeFirst(done.count)
            state.inForce = Mark(
                services: max(state.inForce.services, mark.services),
                endpoints: max(state.inForce.endpoints, mark.endpoints))
        }
    }

    /// The rules have been brought in force, or could not be.
    public func attempted(_ attempt: Attempt) {
        let time = now()
        state.withLock { state in
            state.processes += UInt64(max(0, attempt.processes))
            state.bytes += UInt64(max(0, attempt.bytes))
            for (name, isInForce) in attempt.families {
                var family = state.families[name] ?? Family()
                family.isInForce = isInForce
                family.durations.add(attempt.duration / .seconds(1))
                if isInForce { family.lastInForce = time } else { family.failures += 1 }
                state.families[name] = family
            }
        }
    }

    /// This process has taken the place of another.
    public func tookOver() { state.withLock { $0.takeovers += 1 } }

    /// Another process has taken this one's place.
    public func wasSucceeded() { state.withLock { $0.successions += 1 } }

    /// Seconds since 1970, of RFC 3339 with a fraction.
    static func seconds(_ text: String) -> Double? {
        guard let whole = Timestamp(text) else { return nil }
        guard let point = text.firstIndex(of: ".") else { return Double(whole.seconds) }
        let digits = text[point...].dropFirst().prefix { $0.isASCII && $0.isNumber }
        return Double(whole.seconds) + (Double("0.\(digits)") ?? 0)
    }
}

/// How long things took, in seconds: what it is on the control plane, where a lock for each is nothing.
struct DurationHistogram: Sendable {
    let bounds: [Double]
    /// In each range, without the smaller ones; one more than there are bounds.
    private(set) var counts: [UInt64]
    private(set) var sum = 0.0

    init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    mutating func add(_ seconds: Double) {
        counts[bounds.firstIndex { seconds <= $0 } ?? bounds.count] += 1
        sum += seconds
    }

    // kube-proxy's.
    static let syncing = (0..<15).map { 0.001 * Double(1 << $0) }
    static let programming =
        [0.25, 0.5] + (1...59).map(Double.init) + stride(from: 60.0, through: 115, by: 5)
        + stride(from: 120.0, through: 300, by: 30)
}
