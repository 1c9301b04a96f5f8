internal import Base
internal import EventLoop
internal import Glibc

/// How many transactions of nftables others have made in a network namespace: while that stays, nobody has changed any
/// rule.
///
/// The kernel counts all transactions, of all families and tables. Portico's own are taken from that. Any thread.
final class NftablesGeneration: Sendable {
    private static let subsystem: UInt8 = 10
    private enum Kind { static let (new, get): (UInt8, UInt8) = (15, 16) }
    private static let id: UInt16 = 1

    /// Held while transactions of Portico's own are under way, so that they are counted by the kernel and here. Nothing
    /// is lost by that: nftables makes the second of two at a time begin anew anyway.
    private let connection: Guarded<Connection>

    private final class Connection {
        private var socket: NetlinkSocket
        /// Transactions of Portico's own.
        var own: UInt32 = 0
        /// An answer may still be to come, and would be taken for that to a later question.
        private var isBroken = false

        init(_ socket: consuming NetlinkSocket) { self.socket = socket }

        func ask() -> UInt32? {
            guard !isBroken else { return nil }
            do throws(SystemError) {
                let request = NetlinkRequest(subsystem: subsystem, kind: Kind.get, flags: 0, family: .ipv4)
                try socket.send(request.bytes)
                for message in NetlinkMessages(try socket.receive())
                where message.subsystem == subsystem && message.kind == Kind.new {
                    guard let id = message.attributes[id], id.count == 4 else { return nil }
                    return UInt32(bigEndian: id.u32(at: 0))
                }
            } catch {
                isBroken = true
            }
            return nil
        }
    }

    /// Of the network namespace of the calling thread; nil where the kernel has no nftables, or does not talk about it.
    init?() {
        do throws(SystemError) {
            connection = Guarded(Connection(try NetlinkSocket(.netfilter)))
        } catch {
            return nil
        }
        guard others != nil else { return nil }
    }

    /// The count of others' transactions; nil if the kernel does not answer. It begins anywhere.
    var others: UInt32? { connection.withLock { connection in connection.ask().map { $0 &- connection.own } } }

    /// Carries out so many transactions of Portico's own. If they fail, those that were made count as others'.
    func count<Failure: Error>(_ transactions: Int, _ body: () throws(Failure) -> Void) throws(Failure) {
        try connection.withLock { connection throws(Failure) in
            let before = connection.ask()
            var made = 0
            defer { remember(from: before, to: connection.ask(), own: made) }
            try body()
            made = transactions
            connection.own &+= UInt32(transactions)
        }
    }

    // MARK: One transaction

    enum Author {
        case own
        /// Made by others at the same time as some of Portico's own, or by either of them.
        case unsure
        case others
    }

    /// The numbers of transactions that were made while some of Portico's own were.
    private struct Span {
        let first: UInt32
        let count: UInt32
        /// Nobody else has made any.
        let isOwn: Bool
    }

    private static let mostSpans = 64
    private let spans = Guarded<[Span]>([])

    /// Who has made the transaction of this number: not by the number of the process, which in a container is another
    /// one.
    func author(of transaction: UInt32) -> Author {
        let span = spans.withLock { spans in spans.last { transaction &- $0.first < $0.count } }
        return switch span?.isOwn {
        case true?: .own
        case false?: .unsure
        case nil: .others
        }
    }

    /// - Parameters:
    ///   - before: the number of the last transaction by then; nil if the kernel did not answer.
    ///   - own: how many of them are Portico's.
    private func remember(from before: UInt32?, to after: UInt32?, own: Int) {
        guard let before, let after, before != after else { return }
        let span = Span(first: before &+ 1, count: after &- before, isOwn: after &- before == UInt32(own))
        spans.withLock { $0 = ($0 + [span]).suffix(Self.mostSpans) }
    }
}
