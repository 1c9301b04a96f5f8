import Admin
import ArgumentParser
import Base
import Cluster
import EventLoop
import Glibc
import Logging
import Relay
import Status

/// One run of a command that serves until it is told to end. What changes the course of things comes as a wake, and is
/// dealt with one by one; what is only told goes other ways, where it may get lost but never holds anything up.
struct Session<Role: SessionRole> {
    private enum Wake: Sendable {
        /// The source has something to say.
        case source
        case signal(SessionSignal)
        /// Time to try again what did not work.
        case retry
        case event(Role.Event)
        /// What was open has ended.
        case drained
        /// Nobody serves any more in whose favour it stays.
        case alone
    }

    /// Nil if there is nothing but what the command line says.
    let source: SourceReader?
    let teller: StatusTeller
    let report: any SessionReport
    let configuration: RelayConfiguration
    /// Shows others how things stand; nil for nobody.
    var desk: AdminDesk?
    /// Nil for none.
    var accessLog: AccessLog?
    /// The command line names something to serve besides what the source says.
    var hasOthers = false

    /// With fewer, libraries of the system crash before anything is served.
    private static var leastDescriptors: Int { 64 }
    private let memory = MemoryReturn()
    /// It is time to try again, and that has not begun: of more that come meanwhile none may hold up an end.
    private let retryWaits = Guarded(false)
    private var logger: Logger { teller.logger }

    /// - Throws: ``CommandFailure`` if there is nothing to serve, or it cannot be served; `ExitCode` on a second
    ///   signal, and if the role says so.
    func run(_ role: Role) async throws {
        var role = role
        let start = ContinuousClock.now
        guard configuration.budget.limit >= Self.leastDescriptors else {
            throw CommandFailure(
                "only \(configuration.budget.limit) files may be open, and at least \(Self.leastDescriptors) are needed: "
                    + "raise the limit (ulimit -n, or LimitNOFILE= of the unit)")
        }
        try role.prepare(configuration, teller)
        let signals = try HeardSignals(Role.signals, meaning: Role.meaning)
        let (stream, wake) = AsyncStream.makeStream(of: Wake.self)
        var wakes = stream.makeAsyncIterator()
        let hearing = Task { await signals.hear { wake.yield(.signal($0)) } }
        defer { hearing.cancel() }
        let first: SourceUpdate
        do {
            first = try await signals.unlessEnded { try await source?.first(orElse: hasOthers) ?? SourceUpdate() }
        } catch let early as HeardSignals.EndedEarly {
            throw endedEarly(by: early, role)
        }
        let reports = RelayReports()
        let relay = try Relay(configuration) { reports.take($0) }
        report.begin { relay.snapshot() }
        desk?.subject.seat.relay = relay
        let changes = teller.board.reader()
        let telling = [
            Task { [desk, accessLog] in
                await reports.narrate(
                    logger,
                    hear: { event in
                        report.hear(event)
                        desk?.subject.events.take(event)
                        accessLog?.take(event)
                    }, miss: { accessLog?.miss($0) })
            },
            Task { await report.follow(changes, teller.board) },
        ]
        var life = SessionLife.serving
        do {
            let tools = SessionTools<Role.Event>(
                relay: relay, teller: teller, signals: signals, start: start, wake: { wake.yield(.event($0)) })
            memory.note(changes: first.changes.objects.count)
            let isOver = try await role.start(first, tools)
            let retryInterval = role.retryInterval
            let feeds = [
                Task { await source?.follow { wake.yield(.source) } },
                Task { [retryWaits] in
                    while (try? await Task.sleep(for: retryInterval)) != nil {
                        let waited = retryWaits.withLock { waits in
                            defer { waits = true }
                            return waits
                        }
                        if !waited { wake.yield(.retry) }
                    }
                },
            ]
            if isOver { await end(&life, &role, relay) { wake.yield($0) } }
            while let next = await wakes.next() {
                await take(next, &life, &role, relay, signals) { wake.yield($0) }
                if life != .serving { for feed in feeds { feed.cancel() } }
                if case .ended = life { break }
            }
        } catch {
            await relay.stop()
            if let early = error as? HeardSignals.EndedEarly { throw endedEarly(by: early, role) }
            throw error
        }
        let snapshot = relay.snapshot()
        await relay.stop()
        await role.finish()
        desk?.close()
        teller.update { $0.enter(.ended) }
        reports.finish()
        teller.board.finish()
        for task in telling { await task.value }
        accessLog?.finish()
        report.summary(snapshot)
        signals.close()
        var status: Int32?
        if case .ended(let signal?) = life { status = 128 + signal }
        if let status = role.exitStatus ?? status, status != 0 { throw ExitCode(status) }
    }

    /// Nothing has begun that would have to end in an orderly way.
    private func endedEarly(by early: HeardSignals.EndedEarly, _ role: Role) -> ExitCode {
        logger.notice("a signal ends it before anything was served")
        return ExitCode(role.status(endedEarlyBy: early.signal))
    }

    private func take(
        _ wake: Wake, _ life: inout SessionLife, _ role: inout Role, _ relay: Relay, _ signals: HeardSignals,
        send: @escaping @Sendable (Wake) -> Void
    ) async {
        var isOver = false
        switch (life, wake) {
        case (.serving, .source):
            guard let update = source?.take() else { return }
            memory.note(changes: update.changes.objects.count)
            await role.take(update)
        case (.serving, .retry):
            retryWaits.withLock { $0 = false }
            await role.retry(isReread: false)
        case (.serving, .event(let event)):
            isOver = await role.take(event)
        case (.serving, .signal(let signal)):
            signals.deal(with: signal)
            switch signal {
            case .reload:
                logger.notice("\(role.rereading)")
                await source?.reread()
                await role.retry(isReread: true)
            case .end(let signal):
                isOver = role.endIsWanted(by: signal)
            }
        case (.draining, .signal(.end(let signal))), (.staying, .signal(.end(let signal))):
            switch life.hurry(signal) {
            case .drain(let limit):
                let time = limit.map { "\($0)" } ?? "all the time"
                logger.notice("open connections have \(time) to end; another signal ends them now")
                Task { await relay.drain(within: limit) }
            case .endNow: await relay.drain(within: .zero)
            case nil: break
            }
        case (.draining, .drained):
            life.drained(stays: role.staysAfterDrain)
            guard life == .staying else { return }
            logger.notice(
                "nothing is open any more; it stays until a signal ends it, for as long as another process serves")
            let untilAlone = role.untilAlone
            Task {
                await untilAlone()
                send(.alone)
            }
        case (.staying, .alone):
            life.isAlone()
            role.isAlone()
        case (.draining, _), (.serving, .drained), (.serving, .alone), (.staying, _), (.ended, _):
            // Nothing is served anew.
            break
        }
        if isOver { await end(&life, &role, relay, send: send) }
    }

    private func end(
        _ life: inout SessionLife, _ role: inout Role, _ relay: Relay, send: @escaping @Sendable (Wake) -> Void
    ) async {
        let limits = await role.beginEnd()
        guard case .drain(let limit) = life.end(within: limits) else { return }
        let open = relay.total.open
        if open > 0 {
            let effect = limits.count > 1 ? "limits the wait" : "ends them now"
            logger.notice("waiting for \(several(open, "open connection")) to end; another signal \(effect)")
        }
        Task {
            await relay.drain(within: limit)
            send(.drained)
        }
    }
}
