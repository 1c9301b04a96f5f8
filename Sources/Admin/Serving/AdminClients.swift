internal import Base
internal import NIOCore

/// The clients of one server. There is room for so many; of those that are not being answered, whoever has been so longest
/// makes room for the next one: who says nothing, or never comes to an end, keeps nobody out.
final class AdminClients: Sendable {
    private struct Client {
        let channel: any Channel
        var since: NIODeadline
        var isBeingAnswered = false
    }

    private let most: Int
    private let clients = Guarded<[ObjectIdentifier: Client]>([:])

    init(most: Int) { self.most = most }

    /// - Returns: false if all others are being answered.
    func enter(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (enters, leaving) = clients.withLock { clients -> (Bool, (any Channel)?) in
            var leaving: (any Channel)?
            if clients.count >= most {
                let waiting = clients.filter { !$0.value.isBeingAnswered }.min { $0.value.since < $1.value.since }
                guard let waiting else { return (false, nil) }
                leaving = waiting.value.channel
                clients[waiting.key] = nil
            }
            clients[id] = Client(channel: channel, since: .now())
            return (true, leaving)
        }
        leaving?.close(promise: nil)
        // It is kept until then, so that no other has its identity.
        if enters { channel.closeFuture.whenComplete { [self] _ in clients.withLock { $0[id] = nil } } }
        return enters
    }

    func isBeingAnswered(_ channel: any Channel, _ isBeingAnswered: Bool) {
        clients.withLock { clients in
            clients[ObjectIdentifier(channel)]?.isBeingAnswered = isBeingAnswered
            clients[ObjectIdentifier(channel)]?.since = .now()
        }
    }
}
