import Base
import Glibc
import Host
import Logging
import Proxy
import Relay
import Status

/// How a daemon ends: for good, for the process after it, or replaced by another that serves in its place.
extension DaemonRole {
    mutating func endIsWanted(by signal: Int32) -> Bool { true }

    mutating func beginEnd() async -> [Duration?] {
        guard let parts else { return [.zero] }
        // What waits for a lock would write rules that lead to nobody, when this process is gone.
        let isUnconfirmed = await parts.succession.isUnconfirmed
        if !isServing, isUnconfirmed || !options.cleanupOnExit { await parts.proxy.abandonRules() }
        let logger = parts.tools.teller.logger
        restart.stopWaiting()
        options.readyFile?.vanish()
        if restart.isWanted { manager.reloading() } else if !hasSuccessor { manager.stopping() }
        // Another process that serves answers at the same ports, and is not about to end.
        if hasSuccessor, isServing {
            logger.notice("another process has taken over; open connections may end in their own time")
        }
        if await isReplaced {
            parts.health.close()
            desk.close(isReplaced: true)
        }
        parts.tools.teller.update { $0.enter(.draining) }
        for task in parts.feeds + [parts.rules] { task.cancel() }
        // Rules and doors are nobody's, or another's, from there on.
        defer { parts.succession.leavePlace() }
        // A change of the rules that is under way may still open doors, and a new start would meet it.
        if hasSuccessor || restart.isWanted { await parts.rules.value }
        if hasSuccessor {
            await parts.tools.relay.letGo()
            return [options.takeoverDrainTimeout, options.drainTimeout]
        }
        await parts.succession.close()
        // Rules are those of the process that serves.
        if options.cleanupOnExit, !restart.isWanted, await !parts.succession.isUnconfirmed {
            await parts.rules.value
            for error in await parts.proxy.removeRules() { logger.error("rules are left: \(error)") }
        }
        // What was open has had its time.
        return [restart.isWanted ? .zero : options.drainTimeout]
    }

    /// Whether another process serves in this one's place.
    private var isReplaced: Bool {
        get async { if hasSuccessor { true } else { await parts?.succession.isUnconfirmed == true } }
    }

    var staysAfterDrain: Bool { options.staysReplaced && hasSuccessor && isServing }

    /// Who took over is there to be taken over from itself. If it is gone, or nobody has ended this process in a time in
    /// which every rollout has done so, as after one that was undone, then whoever supervises it is to start it anew.
    var untilAlone: @Sendable () async -> Void {
        { [path = options.takeover ?? ""] in
            let end = ContinuousClock.now + .seconds(300)
            var missing = 0
            while missing < 3, ContinuousClock.now < end, !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                missing = UnixSocketPath.isAnswered(path, SOCK_SEQPACKET) ? 0 : missing + 1
            }
        }
    }

    mutating func isAlone() {
        isMissed = true
        parts?.tools.teller.logger.error(
            "the process that took over serves no more, or nobody has ended this one for 5 minutes: it ends, to be started anew"
        )
    }

    mutating func finish() async { health?.close() }
}
