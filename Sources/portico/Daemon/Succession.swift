import Base
import EventLoop
import Glibc
import Host
import Logging
import Proxy
import Relay

/// The place of this machine's service proxy: one process at a time has it, and processes may take it over from each
/// other without losing a client (`--takeover`).
///
/// The lock says whose it is. It goes from process to process together with the place: one that starts just then would
/// otherwise find nobody, and serve beside the one that is taking over.
final class Succession: Sendable {
    private let path: String?
    /// A process that does not answer is ended.
    private let isForced: Bool
    private let relay: Relay
    private let logger: Logger
    private let state = State()
    private let lock = Guarded<DaemonLock?>(nil)

    private actor State {
        var inheritance: Inheritance?
        var server: HandoverServer?
        private var questions = 0

        /// Whether anybody has asked since this was asked last.
        func hasBeenAsked() -> Bool {
            guard let count = server?.questions, count != questions else { return false }
            questions = count
            return true
        }

        func set(_ inheritance: Inheritance?) { self.inheritance = inheritance }
        func set(_ server: HandoverServer?) { self.server = server }
    }

    /// How long a place that is taken may be that of a process which is about to serve where it can be asked, or one
    /// that was killed and whose sockets are closed one by one.
    private static let patience = Duration.seconds(3)
    private static let pause = Duration.milliseconds(50)
    /// From the first question to the confirmation: in between rules are written, for which others' locks are waited for.
    private static let timeToTakeOver = Duration.seconds(10)

    /// - Parameter path: of the Unix socket; nil takes over from nobody, and hands over to nobody.
    init(path: String?, isForced: Bool, relay: Relay, logger: Logger) {
        self.path = path
        self.isForced = isForced
        self.relay = relay
        self.logger = logger
    }

    /// Takes the place: from the process that serves now, with its listening sockets, or else a free one. Before the
    /// first door is opened.
    ///
    /// - Parameter check: may still refuse, which leaves the other process serving as if nothing had happened.
    /// - Throws: ``CommandFailure`` if there is another process, and it cannot be taken over from.
    func takePlace(
        for proxy: NodeProxy, check: @Sendable ([Inheritance.Door]) throws(CommandFailure) -> Void
    ) async throws(CommandFailure) {
        let deadline = ContinuousClock.now + (path == nil ? .zero : Self.patience)
        while true {
            if try await inherit(for: proxy, check: check) { return }
            do throws(DaemonLock.Failure) {
                return keep(try DaemonLock())
            } catch .held(let process) {
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw isTaken(by: process) }
            } catch {
                return isUnguarded(by: error)
            }
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func isTaken(by process: Int32?) -> CommandFailure {
        let who = process.map { "process \($0)" } ?? "another process"
        let advice =
            path.map { "and does not hand over at \($0); end it first" }
            ?? "end it first, or take its place with --takeover, if it was started with that"
        return CommandFailure("\(who) is the service proxy of this machine; \(advice)")
    }

    /// - Returns: whether there is a process to take over from.
    private func inherit(
        for proxy: NodeProxy, check: @Sendable ([Inheritance.Door]) throws(CommandFailure) -> Void
    ) async throws(CommandFailure) -> Bool {
        guard let path else { return false }
        guard let inheritance = try await take(from: path) else {
            // To find out only when this process is to hand over would be late.
            if let obstacle = Self.obstacle(to: path) { throw CommandFailure("--takeover: \(obstacle)") }
            return false
        }
        try check(inheritance.doors)
        logger.notice("taking over \(inheritance.doors.count) doors from the process at \(path)")
        await relay.inherit(inheritance)
        await proxy.remember(inheritance.doors)
        await state.set(inheritance)
        return true
    }

    /// Why no socket can be made there, as far as can be seen beforehand.
    static func obstacle(to path: String) -> String? {
        var status = stat()
        if lstat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { return "\(path) is a folder, and not a socket" }
            guard stat(path, &status) == 0 else { return "\(path) is a link that leads nowhere" }
            return status.st_mode & S_IFMT == S_IFSOCK ? nil : "\(HandoverError.notASocket(path: path))"
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = parts.isEmpty ? "." : parts.count == 1 ? "/" : parts.joined(separator: "/")
        guard access(folder, W_OK | X_OK) == 0 else {
            return "a socket cannot be made in \(folder): \(SystemError.reason(errno).lowercased())"
        }
        return nil
    }

    private func take(from path: String) async throws(CommandFailure) -> Inheritance? {
        do throws(HandoverError) {
            return try await Handover.take(from: path)
        } catch {
            let text = "cannot take over at \(path): \(error)"
            guard error.isSilence else { throw CommandFailure(text) }
            guard isForced else {
                throw CommandFailure(
                    "\(text); --takeover-force ends the process there, with the connections that it has open")
            }
        }
        // Who was told to end meanwhile ends nobody else.
        guard !Task.isCancelled else { throw CommandFailure("--takeover-force: the process at \(path) is left alone") }
        let process: Int32
        do throws(HandoverError) {
            process = try await Handover.end(at: path)
        } catch {
            throw CommandFailure("--takeover-force: the process at \(path) cannot be ended: \(error)")
        }
        logger.error(
            "process \(process) did not answer at \(path) and has been killed; its connections, and clients that waited, are lost"
        )
        return nil
    }

    /// This process serves: the former one is told, and the next one may ask from here on.
    ///
    /// - Parameter succeeded: called when another process has taken over from this one, or has been faster.
    /// - Returns: false if it has been faster. Then this one is to end, and has never served as far as others can tell.
    func takeOver(succeeded: @escaping @Sendable () -> Void) async -> Bool {
        guard let path else { return true }
        do throws(HandoverError) {
            if let shared = try await state.inheritance?.confirm() { keep(DaemonLock(sharedBy: shared)) }
        } catch .refused(let reason) {
            // Of two that serve at the same sockets one is too many.
            logger.error("another process takes over instead, and this one ends: \(reason)")
            succeeded()
            return false
        } catch {
            if error.isSilence {
                // It has its place still, and whoever takes that from it has to end it.
                logger.error(
                    "the former process at \(path) was asked for its place and does not answer; this one ends, and --takeover-force would end that one"
                )
                succeeded()
                return false
            }
            // Another one was faster, to take over or to begin by itself where it found nobody, if it has the lock.
            if case .held(let process)? = await waitForLock(unlessServedAt: path) {
                let who = process.map { "process \($0)" } ?? "another process"
                logger.error("\(who) was faster to take the former one's place, and this one ends")
                succeeded()
                return false
            }
            logger.warning("the former process has ended before it was told: \(error)")
        }
        await relay.releaseUnclaimed()
        await state.set(nil as Inheritance?)
        do throws(HandoverError) {
            let server = try HandoverServer(path: path, relay: relay) { [lock] in lock.withLock { $0 }?.share() }
            await state.set(server)
            Task { if await server.successor() { succeeded() } }
        } catch .taken {
            // It was faster: of two that serve at the same sockets one is too many.
            logger.error("another process at \(path) was faster to take over, and this one ends")
            succeeded()
            return false
        } catch {
            logger.error("nobody can take over from this process: \(error)")
        }
        // Nothing waits for a former process of a version that gives its lock up, in place of sharing it.
        Task { if let failure = await waitForLock() { isUnguarded(by: failure) } }
        return true
    }

    /// Takes the lock as soon as it is free, unless this process has it.
    ///
    /// - Parameter path: where whoever serves can be asked: then the lock will not become free.
    /// - Returns: why it has it not.
    private func waitForLock(unlessServedAt path: String? = nil) async -> DaemonLock.Failure? {
        let deadline = ContinuousClock.now + Self.patience
        while lock.withLock({ $0 == nil }) {
            do throws(DaemonLock.Failure) {
                keep(try DaemonLock())
            } catch {
                guard case .held = error, ContinuousClock.now < deadline else { return error }
                if let path, await Handover.isServed(at: path) { return error }
                try? await Task.sleep(for: Self.pause)
            }
        }
        return nil
    }

    private func isUnguarded(by failure: DaemonLock.Failure) {
        logger.warning("a second daemon would not be noticed: \(failure)")
    }

    private func keep(_ lock: DaemonLock) {
        self.lock.withLock { $0 = lock }
    }

    /// Waits while another process takes over, whose rules are the ones from then on: what this one wrote would stay beside
    /// them. One that does not come to it within seconds is not waited for.
    ///
    /// - Returns: whether there was one: it may have written rules, and not have come to it.
    func untilUndisputed() async -> Bool {
        while await state.server?.isAsked(within: Self.timeToTakeOver) == true, !Task.isCancelled {
            try? await Task.sleep(for: Self.pause)
        }
        return await state.hasBeenAsked()
    }

    /// Another process serves still: it was not told of this one.
    var isUnconfirmed: Bool {
        get async { await state.inheritance != nil }
    }

    /// Hands over no more.
    func close() async {
        await state.server?.close()
    }

    /// Leaves the place to whoever comes, unless another process has it already.
    func leavePlace() {
        lock.withLock { $0?.release() }
    }
}
