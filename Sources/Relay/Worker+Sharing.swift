internal import Balancing
internal import EventLoop

/// Sharing out connections. The kernel gives each client to one of the listening sockets by a hash, which for a few
/// long connections is far from even: four streams meet on one of two workers once in eight times, and leave the
/// other's CPU idle.
extension Worker {
    /// How long a service port's clients are kept after another worker had no room for one, in milliseconds.
    private static let stay: UInt64 = 1000

    /// A worker that has clearly less to do than this one, if there is one to be found among the next two; to ask all
    /// of them would cost more than it gains where there are many.
    func lessLoaded() -> Worker? {
        guard !colleagues.isEmpty else { return nil }
        var best: Worker?
        var least = load.current
        for _ in 0..<min(2, colleagues.count) {
            nextColleague = nextColleague + 1 < colleagues.count ? nextColleague + 1 : 0
            let other = colleagues[nextColleague].load.current
            // Small differences are not worth a message between threads.
            guard other < least, load.current - other > other / 4 else { continue }
            least = other
            best = colleagues[nextColleague]
        }
        return best
    }

    /// Gives an accepted client to another worker; false if that takes no more.
    func handOver(_ client: Int32, _ peer: SocketAddress, of port: ServicePortID, to other: Worker) -> Bool {
        guard other.load.reserve() else { return false }
        if other.loop.execute({ other.takeOver(client, peer, of: port, from: self) }) { return true }
        other.load.hasArrived()
        other.load.remove()
        return false
    }

    private func takeOver(_ client: Int32, _ peer: SocketAddress, of id: ServicePortID, from other: Worker) {
        load.hasArrived()
        if let port = ports[id], shortage(of: port) == nil {
            adopt(Descriptor(owning: client), peer, port)
            return
        }
        // Who accepted it had room for it. Or the service port is gone here, but its client came before that.
        loadFalls()
        let isBack = other.loop.execute {
            guard let port = other.ports[id] else {
                _ = Descriptor(owning: client)
                return
            }
            port.staysUntil = other.loop.now + Self.stay
            other.load.add()
            other.adopt(Descriptor(owning: client), peer, port)
        }
        if !isBack { _ = Descriptor(owning: client) }
    }
}
