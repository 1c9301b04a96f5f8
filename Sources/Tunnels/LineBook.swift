internal import Glibc
internal import NIOCore

/// Which lines there are, which are free, and who waits for one. A value that says what is to be done.
///
/// A line by channels is for one port, and a connection with the pod from its beginning: none is made ahead or kept.
struct LineBook {
    /// Free lines of one pod that wait for long; others are those of a crowd that may come again at once.
    static let mostFree = 4
    /// Of all pods.
    static let mostFreeOfAll = 256
    /// Lines being made at a time, so that a crowd of clients is none for the API server.
    static let mostMade = 32
    /// Of one pod: its node may be dead, and each takes half a minute then.
    static let mostMadeOfOne = 8
    private static let firstPause = TimeAmount.milliseconds(250)
    private static let longestPause = TimeAmount.seconds(10)

    struct Work {
        /// A line that has waited may have died without anybody having noticed.
        var given: [(line: PodLine, waiter: LineWaiter, hasWaited: Bool)] = []
        var closed: [PodLine] = []
        var failed: [(waiter: LineWaiter, failure: TunnelFailure)] = []
        /// A line each is to be made.
        var made: [LineKey] = []
    }

    private struct Pod {
        var waiters: [LineWaiter] = []
        var making = 0
        /// The one used last is last: it is the least likely to be dead.
        var free: [PodLine] = []
        var refusal: (failure: TunnelFailure, until: NIODeadline, pause: TimeAmount)?

        var isIdle: Bool { waiters.isEmpty && making == 0 && free.isEmpty }
    }

    private var pods: [LineKey: Pod] = [:]
    /// Of each line, how often it has become free or been taken.
    private var lines: [ObjectIdentifier: (line: PodLine, lap: Int)] = [:]
    private var making = 0
    private var free = 0
    /// Pods whose waiters want more lines than may be made at a time.
    private var queue: [LineKey] = []
    private var isDown = false
    /// Lines are for one port each.
    private let isByPort: Bool

    init(isByPort: Bool = false) { self.isByPort = isByPort }

    mutating func take(_ waiter: LineWaiter, at now: NIODeadline) -> Work {
        var work = Work()
        guard !isDown else { return fail(waiter, TunnelFailure(code: ECANCELED, text: "")) }
        let name = LineKey(waiter.pod, isForOnePort: isByPort)
        var pod = pods[name] ?? Pod()
        if let line = pod.free.popLast() {
            free -= 1
            lap(line)
            work.given.append((line, waiter, true))
            pods[name] = pod
            wantSpare(name, &work)
            return work
        } else if let refusal = pod.refusal, now < refusal.until {
            return fail(waiter, refusal.failure)
        } else {
            pod.waiters.append(waiter)
        }
        pods[name] = pod
        want(name, spare: false, &work)
        return work
    }

    /// While a pod is in use there is a line for its next client.
    private mutating func wantSpare(_ name: LineKey, _ work: inout Work) {
        guard !isByPort, let pod = pods[name], pod.free.isEmpty, pod.making == 0, free < Self.mostFreeOfAll else {
            return
        }
        want(name, spare: true, &work)
    }

    private func fail(_ waiter: LineWaiter, _ failure: TunnelFailure) -> Work {
        var work = Work()
        work.failed.append((waiter, failure))
        return work
    }

    private mutating func want(_ name: LineKey, spare: Bool, _ work: inout Work) {
        guard var pod = pods[name], !isDown else { return }
        // Where it was refused before, one finds out for all.
        let wanted = pod.refusal == nil ? pod.waiters.count + (spare ? 1 : 0) : min(pod.waiters.count, 1)
        while pod.making < min(wanted, Self.mostMadeOfOne) {
            guard making < Self.mostMade else {
                if !queue.contains(name) { queue.append(name) }
                break
            }
            pod.making += 1
            making += 1
            work.made.append(name)
        }
        pods[name] = pod
    }

    mutating func made(_ line: PodLine) -> Work {
        making -= 1
        pods[line.key]?.making -= 1
        pods[line.key]?.refusal = nil
        lines[ObjectIdentifier(line)] = (line, 0)
        var work = free(line)
        want(line.key, spare: false, &work)
        goOn(&work)
        return work
    }

    mutating func notMade(_ name: LineKey, _ failure: TunnelFailure, at now: NIODeadline) -> Work {
        var work = Work()
        making -= 1
        guard var pod = pods[name] else { return work }
        pod.making -= 1
        guard !pod.waiters.isEmpty else {
            // A spare is nobody's failure: the next client finds out for itself.
            pods[name] = pod
            goOn(&work)
            return work
        }
        let pause = min((pod.refusal?.pause ?? .zero) * 2, Self.longestPause)
        pod.refusal = (failure, now + max(pause, Self.firstPause), max(pause, Self.firstPause))
        // What one has been told holds for all who wait.
        work.failed = pod.waiters.map { ($0, failure) }
        pod.waiters = []
        pods[name] = pod
        forgetRefusals(at: now)
        goOn(&work)
        return work
    }

    /// Of pods that nobody wants any more.
    private mutating func forgetRefusals(at now: NIODeadline) {
        guard pods.count > 256 else { return }
        pods = pods.filter { !$0.value.isIdle || ($0.value.refusal.map { now < $0.until } ?? false) }
    }

    private mutating func goOn(_ work: inout Work) {
        while making < Self.mostMade, !queue.isEmpty { want(queue.removeFirst(), spare: false, &work) }
    }

    /// A line can carry another connection.
    mutating func free(_ line: PodLine) -> Work {
        var work = Work()
        guard !isDown, lines[ObjectIdentifier(line)] != nil else {
            work.closed.append(line)
            return work
        }
        var pod = pods[line.key] ?? Pod()
        lap(line)
        if !pod.waiters.isEmpty {
            work.given.append((line, pod.waiters.removeFirst(), false))
            pods[line.key] = pod
            wantSpare(line.key, &work)
            return work
        } else if !isByPort, free < Self.mostFreeOfAll {
            pod.free.append(line)
            free += 1
        } else {
            // It may have ended before it was known here, and then nobody else takes it out.
            lines[ObjectIdentifier(line)] = nil
            work.closed.append(line)
        }
        pods[line.key] = pod
        return work
    }

    mutating func remove(_ line: PodLine) {
        lines[ObjectIdentifier(line)] = nil
        dropFree(line)
        forgetIdle(line.key)
    }

    /// - Parameter lap: what it was when it became free.
    mutating func expire(_ line: PodLine, lap: Int) -> Work {
        var work = Work()
        guard self.lap(of: line) == lap, dropFree(line) else { return work }
        // It may have ended before it was known here, and then nobody else takes it out.
        lines[ObjectIdentifier(line)] = nil
        work.closed.append(line)
        return work
    }

    /// One that had waited was dead without anybody having noticed, as after a sleep: so are all that wait.
    mutating func dropFree(of pod: LineKey) -> Work {
        var work = Work()
        work.closed = pods[pod]?.free ?? []
        free -= work.closed.count
        pods[pod]?.free = []
        return work
    }

    func lap(of line: PodLine) -> Int? { lines[ObjectIdentifier(line)]?.lap }

    /// Whether it is one of more than have to wait.
    func isExtra(_ line: PodLine) -> Bool {
        pods[line.key]?.free.dropFirst(Self.mostFree).contains { $0 === line } ?? false
    }

    private mutating func lap(_ line: PodLine) { lines[ObjectIdentifier(line)]?.lap += 1 }

    @discardableResult
    private mutating func dropFree(_ line: PodLine) -> Bool {
        guard let index = pods[line.key]?.free.firstIndex(where: { $0 === line }) else { return false }
        pods[line.key]?.free.remove(at: index)
        free -= 1
        forgetIdle(line.key)
        return true
    }

    private mutating func forgetIdle(_ name: LineKey) {
        if let pod = pods[name], pod.isIdle, pod.refusal == nil { pods[name] = nil }
    }

    mutating func shutDown() -> (lines: [PodLine], waiters: [LineWaiter]) {
        isDown = true
        defer {
            pods = [:]
            queue = []
            free = 0
        }
        return (lines.values.map(\.line), pods.values.flatMap(\.waiters))
    }
}
