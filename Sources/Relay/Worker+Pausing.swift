internal import Balancing
internal import Base
internal import EventLoop

/// Listeners from which nobody is taken for a while, and how they get their turn again. Each service port pauses by
/// itself, and all others go on as if nothing were.
extension Worker {
    // MARK: Shares

    /// The service port has its share of something; its clients wait in the kernel's queue.
    func pauseForShare(_ listener: Listener, _ shortage: Shortage) {
        shortageBegins(listener, shortage)
        loop.setListener(listener.socket, token: listener.token, accepting: false)
        listener.pause = .forShare
        pressure.turns.append(listener.id)
    }

    /// Called when a connection or a dial of `port` has ended: the next in turn may have its place.
    @inline(__always)
    func roomHasAppeared(for port: PortState) {
        if !pressure.turns.isEmpty { resumeNext() }
        if !port.waiting.isEmpty { resumeHeld(of: port) }
        if !port.guests.isEmpty { admitGuests(of: port) }
    }

    /// Looks at one of those that wait, whoever's turn it is, so that this costs the same however many they are. It may
    /// be one that has its share still, while another could go on: those are found soon after, by a look at all.
    private func resumeNext() {
        pressure.hasNews = true
        if let id = pressure.turns.next(), let listener = listeners[id] { resumeIfAdmitted(listener) }
        if !pressure.turns.isEmpty { armPressure(for: loop.now + AcceptPressure.pause) }
    }

    private func resumeIfAdmitted(_ listener: Listener) {
        guard listener.pause == .forShare else { return }
        guard shortage(of: listener.port) == nil else { return pressure.turns.append(listener.id) }
        listener.pause = .none
        loop.setListener(listener.socket, token: listener.token, accepting: true)
    }

    // MARK: Time

    /// Leaves a listener alone for so many milliseconds.
    func pause(_ listener: Listener, for span: UInt64) {
        loop.setListener(listener.socket, token: listener.token, accepting: false)
        listener.pause = .forTime
        lookLater(listener, after: span)
    }

    private func lookLater(_ listener: Listener, after span: UInt64) {
        pressure.later.append((listener.id, loop.now + span))
        armPressure(for: loop.now + span)
    }

    /// A listener does not work, for a reason that nobody has thought of: it is tried again, for as long as it is
    /// wanted.
    func setAside(_ listener: Listener, _ error: SystemError) {
        if listener.failures == 0 { report(.listenerFailed(listener.port.id, error)) }
        let pause = min(AcceptPressure.pause << UInt64(listener.failures), AcceptPressure.longestPause)
        listener.failures = min(listener.failures + 1, 16)
        // The kernel reports its state for as long as it is registered, with whatever interest.
        loop.unwatch(listener.socket)
        listener.pause = .setAside
        lookLater(listener, after: pause)
    }

    func pausesAreOver() {
        pressureArmed = 0
        let now = loop.now
        let due = pressure.later.filter { $0.due <= now }
        pressure.later.removeAll { $0.due <= now }
        for (id, _) in due {
            if let listener = listeners[id], listener.isWatched { tryAgain(listener) }
        }
        if pressure.hasNews {
            pressure.hasNews = false
            for _ in 0..<pressure.turns.count {
                if let id = pressure.turns.next(), let listener = listeners[id] { resumeIfAdmitted(listener) }
            }
            for port in portsWithWaiting.visit() where !port.waiting.isEmpty { resumeHeld(of: port) }
        }
        lookAtGuests()
        if let next = pressure.later.lazy.map(\.due).min() { armPressure(for: next) }
    }

    private func tryAgain(_ listener: Listener) {
        let wasWatched = listener.pause == .forTime
        listener.pause = .none
        if wasWatched { return loop.setListener(listener.socket, token: listener.token, accepting: true) }
        if listener.port.id.transport == .udp { return renew(listener) }
        do throws(SystemError) {
            try loop.watchListener(listener.socket, token: listener.token)
        } catch {
            setAside(listener, error)
        }
    }

    func armPressure(for due: UInt64) {
        guard pressureArmed == 0 || due < pressureArmed else { return }
        pressureArmed = due
        pressureTimer?.start(after: due > loop.now ? due - loop.now : 0)
    }

    // MARK: Telling

    func shortageBegins(_ listener: Listener, _ shortage: Shortage) {
        let port = listener.port
        counters.acceptPauses.add()
        port.counters.pointee.acceptPauses.add()
        guard !listener.isShort else { return }
        listener.isShort = true
        if port.route.shortage.begin(at: loop.now) { report(.acceptPaused(port.id, shortage)) }
    }

    /// Nobody waits at the listener any more.
    @inline(__always)
    func shortageEnds(_ listener: Listener) {
        guard listener.isShort else { return }
        listener.isShort = false
        listener.port.route.shortage.end(at: loop.now)
    }
}
