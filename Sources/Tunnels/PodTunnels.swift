internal import Base
internal import Glibc
public import KubernetesAPI
internal import NIOCore
public import Relay

/// Connections to ports of pods, by port-forwards through the API server.
///
///     let tunnels = try PodTunnels(UpgradeClient(access, …)) { print($0.text ?? "works") }
///     tunnels.connect(to: PodPort(namespace: "default", pod: "my-pod", port: 8080)) { end in … }
///
/// Each connection has an upgraded connection with the server to itself, a line. Those that are free again wait a while
/// for the next; while there are none for a pod that is in use, one is made ahead. By channels each has one of its own,
/// which ends with it.
public final class PodTunnels: Sendable {
    private let book: Guarded<LineBook>
    private let maker: UpgradeMaker
    private let problems: ProblemBook
    private let settings: Settings

    /// What is wanted, and what tests make shorter.
    struct Settings: Sendable {
        var choice = TunnelProtocol.auto
        var pinging = Pinging()
        var patience = PodCall.Patience()
        /// For a line that is free, and for one of too many.
        var idle = TimeAmount.seconds(30)
        var extraIdle = TimeAmount.seconds(1)
    }

    /// - Parameters:
    ///   - choice: by which protocol.
    ///   - onProblem: told once what is wrong, and again when it is something else or over. Called from any thread, so
    ///     it must not block.
    public convenience init(
        _ client: UpgradeClient, by choice: TunnelProtocol = .auto,
        onProblem: @escaping @Sendable (TunnelProblem) -> Void = { _ in }
    ) {
        self.init(client, Settings(choice: choice), onProblem: onProblem)
    }

    init(_ client: UpgradeClient, _ settings: Settings, onProblem: @escaping @Sendable (TunnelProblem) -> Void) {
        let book = Guarded(LineBook(isByPort: settings.choice == .channels))
        // The lines tell the one who has them, who has to be there first.
        let own = WeakTunnels()
        let listener = PodLine.Listener(
            isFree: { line in own.value?.isFree(line) }, hasEnded: { line in own.value?.hasEnded(line) })
        self.book = book
        self.settings = settings
        maker = UpgradeMaker(client, settings.choice, settings.pinging, listener)
        problems = ProblemBook(onProblem)
        own.value = self
    }

    deinit { shutdown() }

    /// Asks for a connection.
    ///
    /// - Parameter deliver: see ``Relay/Tunnel``: called with `connected` or `failed`, and after `connected` perhaps once
    ///   more with `withdrawn` or `broken`. From any thread, perhaps before this returns; it must not block.
    public func connect(to pod: PodPort, deliver: @escaping @Sendable (TunnelEnd) -> Void) {
        take(LineWaiter(pod: pod, deliver: deliver))
    }

    /// Breaks all connections, and makes no more.
    public func shutdown() {
        let (lines, waiters) = book.withLock { $0.shutDown() }
        for line in lines { line.end() }
        for waiter in waiters { waiter.fail(TunnelFailure(code: ECANCELED, text: "")) }
    }

    // MARK: - Lines

    private func take(_ waiter: LineWaiter) { perform(book.withLock { $0.take(waiter, at: .now()) }) }

    private func isFree(_ line: PodLine) {
        perform(book.withLock { $0.free(line) })
        expire(line)
    }

    private func hasEnded(_ line: PodLine) { book.withLock { $0.remove(line) } }

    private func perform(_ work: LineBook.Work) {
        for (line, waiter, hasWaited) in work.given {
            line.loop.execute { self.begin(waiter, on: line, hasWaited: hasWaited) }
        }
        for line in work.closed { line.end() }
        for (waiter, failure) in work.failed { waiter.fail(failure) }
        for pod in work.made { make(pod) }
    }

    private func make(_ pod: LineKey) {
        Task {
            do throws(TunnelFailure) {
                let line = try await maker.line(to: pod)
                perform(book.withLock { $0.made(line) })
                expire(line)
            } catch {
                let work = book.withLock { $0.notMade(pod, error, at: .now()) }
                // A spare that nobody waits for is nobody's problem.
                if let waiter = work.failed.first?.waiter { problems.report(waiter.pod, error.text) }
                perform(work)
            }
        }
    }

    /// Closes a line that is still free after a while.
    private func expire(_ line: PodLine) {
        let (lap, isExtra) = book.withLock { ($0.lap(of: line), $0.isExtra(line)) }
        guard let lap else { return }
        line.loop.scheduleTask(in: isExtra ? settings.extraIdle : settings.idle) { [weak self] in
            guard let self else { return }
            perform(book.withLock { $0.expire(line, lap: lap) })
        }
    }

    /// On the line's event loop.
    private func begin(_ waiter: LineWaiter, on line: PodLine, hasWaited: Bool) {
        guard line.isUsable else {
            // It has died on the way here. That happens to few that are new.
            hasEnded(line)
            var again = waiter
            again.newLines -= hasWaited ? 0 : 1
            guard again.newLines > 0 else {
                let failure = line.failure ?? TunnelFailure(code: ECONNRESET, text: "tunnels are closed at once")
                problems.report(waiter.pod, failure.text)
                return waiter.fail(failure)
            }
            return take(again)
        }
        let deliver = waiter.deliver
        let (own, prefix): (Int32, [UInt8])
        if let end = waiter.end {
            (own, prefix) = (end.socket, end.said)
        } else {
            do throws(TunnelFailure) {
                let pair = try SocketPair.make()
                (own, prefix) = (pair.own, [])
                deliver(.connected(pair.given))
            } catch {
                problems.report(waiter.pod, error.text)
                deliver(.failed(error.code))
                return isFree(line)
            }
        }
        let outcome = PodCall.Outcome(
            deliver: deliver,
            stale: { [weak self] socket, said in
                var again = waiter
                again.end = (socket, said)
                again.newLines -= hasWaited ? 0 : 1
                guard let self else { return again.fail(TunnelFailure(code: ECANCELED, text: "")) }
                if hasWaited { perform(book.withLock { $0.dropFree(of: line.key) }) }
                take(again)
            },
            report: { [problems] text in problems.report(waiter.pod, text) })
        var patience = settings.patience
        // The time that a dead line took counts.
        if waiter.end != nil { patience.acknowledgement = patience.acknowledgement - patience.stale }
        let end = PodCall.End(socket: own, prefix: prefix)
        PodCall.begin(
            waiter.pod, on: line, end, mayBeStale: hasWaited, mayTryAgain: waiter.newLines > 1, patience, outcome)
    }
}

/// Set once, before anybody else can see it.
private final class WeakTunnels: @unchecked Sendable {
    weak var value: PodTunnels?
}

/// Somebody who wants a line.
struct LineWaiter: Sendable {
    var pod: PodPort
    var deliver: @Sendable (TunnelEnd) -> Void
    /// How many that are new may turn out dead.
    var newLines = 3
    /// Our end of a pair that has been delivered, where a line turned out dead, and what has been read of it.
    var end: (socket: Int32, said: [UInt8])?

    func fail(_ failure: TunnelFailure) {
        guard let end else { return deliver(.failed(failure.code)) }
        deliver(.withdrawn(failure.code, taken: end.said, rest: end.socket))
    }
}
