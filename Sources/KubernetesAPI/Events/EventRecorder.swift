internal import Base

/// Writes events to the API server, as well as that goes and beside everything else: nobody waits for it, what there is
/// no room for is left out, and what cannot be written is given up (docs/behaviour.md, B14.8).
public final class EventRecorder: Sendable {
    /// So many may wait; more are left out.
    static let room = 32
    /// How long another attempt waits, if the server could not be asked or had too much to do. After that the event is
    /// given up.
    static let pauses = [Duration.seconds(5), .seconds(10)]

    private struct Entry: Sendable {
        let event: ClusterEvent
        let time: EventTime
    }

    private struct State: Sendable {
        var limits = EventLimits()
        var last = EventTime(nanoseconds: 0)
        /// People know that events cannot be written.
        var hasComplained = false
    }

    private let client: any APIClient
    private let node: String
    private let time: Timekeeper
    private let wallClock: @Sendable () -> EventTime
    private let complain: @Sendable (String) -> Void
    private let state = Guarded(State())
    private let entries: AsyncStream<Entry>
    private let queue: AsyncStream<Entry>.Continuation

    /// - Parameters:
    ///   - node: the name of this one.
    ///   - complain: is told, once, why events cannot be written.
    public convenience init(_ client: any APIClient, node: String, complain: @escaping @Sendable (String) -> Void) {
        self.init(client, node: node, clock: ContinuousClock(), wallClock: EventTime.now, complain: complain)
    }

    init(
        _ client: any APIClient, node: String, clock: some Clock<Duration>,
        wallClock: @escaping @Sendable () -> EventTime, complain: @escaping @Sendable (String) -> Void
    ) {
        self.client = client
        self.node = node
        time = Timekeeper(clock)
        self.wallClock = wallClock
        self.complain = complain
        (entries, queue) = AsyncStream.makeStream(of: Entry.self, bufferingPolicy: .bufferingOldest(Self.room))
    }

    /// Has an event written that happens now, unless the same was lately. Any thread; returns at once.
    public func record(_ event: ClusterEvent) {
        let now = time.now()
        let moment = state.withLock { state -> EventTime? in
            guard state.limits.admits(event, at: now) else { return nil }
            // Names are made of them.
            state.last = max(wallClock(), EventTime(nanoseconds: state.last.nanoseconds + 1))
            return state.last
        }
        guard let moment, case .dropped = queue.yield(Entry(event: event, time: moment)) else { return }
        // It was not said, and may be the next time.
        state.withLock { $0.limits.forget(event) }
    }

    /// Writes what is recorded, until the task is cancelled. To be called once.
    public func run() async {
        for await entry in entries {
            // A stream goes on for as long as something waits in it.
            guard !Task.isCancelled else { return }
            let now = time.now()
            let wait = state.withLock { $0.limits.wait(at: now) }
            if wait > .zero, (try? await time.sleep(wait)) == nil { return }
            let start = time.now()
            state.withLock { $0.limits.write(at: start) }
            await write(EventRequest(event: entry.event, time: entry.time, node: node).request)
        }
    }

    private enum Outcome {
        case written
        /// Another attempt may be better off.
        case failed(String)
        case refused(String)
    }

    private func write(_ request: APIRequest) async {
        var outcome = await attempt(request)
        for pause in Self.pauses {
            guard case .failed = outcome, (try? await time.sleep(pause)) != nil else { break }
            outcome = await attempt(request)
        }
        guard !Task.isCancelled else { return }
        switch outcome {
        case .written: break
        case .failed(let reason), .refused(let reason): giveUp(because: reason)
        }
    }

    private func attempt(_ request: APIRequest) async -> Outcome {
        do throws(APIError) {
            let response = try await client.send(request)
            // To the end, so that the connection can be used again.
            var body: [UInt8] = []
            while let piece = try await response.body.next(), body.count < 1 << 16 { body += piece }
            let status = APIStatus(code: response.status, body: body)
            switch response.status {
            // That it is there already: another node has said it, or an attempt that seemed to fail.
            case 200..<300, 409: return .written
            case 403: return .refused("it may not create events (403); the ClusterRole system:node-proxier allows it")
            // The credentials were renewed for it, and the next attempt has them.
            case 401, 429, 500...: return .failed("the API server answers \(status.words)")
            default: return .refused("the API server answers \(status.words)")
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private func giveUp(because reason: String) {
        let isFirst = state.withLock { state in
            defer { state.hasComplained = true }
            return !state.hasComplained
        }
        if isFirst { complain("events cannot be written, and that is not said again: \(reason)") }
    }
}
