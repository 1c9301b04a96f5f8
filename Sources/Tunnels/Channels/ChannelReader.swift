package import NIOCore

/// The channels of a port-forward by `v4.channel.k8s.io`, for the one port that is asked for: a message is a byte that
/// names its channel, and what is said by it.
package enum PortChannel {
    /// Both ways.
    package static let data: UInt8 = 0
    /// From the server, which says here why it fails.
    package static let error: UInt8 = 1

    /// What stands before what a client says.
    static let dataHead = [data]
}

package enum ChannelError: Error, Hashable, CustomStringConvertible {
    /// No channel of the port.
    case channel(UInt8)
    /// A channel begins with another port than was asked for.
    case port

    package var description: String {
        switch self {
        case .channel(let channel): "a message of channel \(channel), and there are only 0 and 1"
        case .port: "a channel that begins with another port than was asked for"
        }
    }
}

/// Reads the messages of a server, in pieces cut anywhere. What they say is what SPDY says by two streams, which have the
/// numbers of the channels; so that whoever hears it need not know how it has come. Nothing is kept.
package struct ChannelReader {
    private let port: UInt16
    /// That of the message whose pieces come; nil before its first byte.
    private var channel: UInt8?
    /// So much of the port, two bytes, has still to come on a channel before anything else.
    private var dataPrefix = 2
    private var errorPrefix = 2

    package init(port: UInt16) { self.port = port }

    /// The server has begun: nothing else says that it has taken the connection.
    package var hasBegun: Bool { dataPrefix == 0 }

    /// The next piece is the first of a message.
    package mutating func beginMessage() { channel = nil }

    /// Takes what is said next off a piece of a message.
    ///
    /// - Returns: `synReply` once a channel has begun, then `data`; nil if more has to come first.
    package mutating func next(from piece: inout ByteBuffer) throws(ChannelError) -> SPDYFrame? {
        while piece.readableBytes > 0 {
            guard let channel else {
                channel = try readChannel(from: &piece)
                continue
            }
            let left = channel == PortChannel.data ? dataPrefix : errorPrefix
            guard left > 0 else {
                let said = piece
                piece.moveReaderIndex(to: piece.writerIndex)
                return .data(stream: UInt32(channel), said, isLast: false)
            }
            // The low byte comes first.
            guard piece.readInteger() == UInt8(truncatingIfNeeded: left == 2 ? port : port >> 8) else { throw .port }
            if channel == PortChannel.data { dataPrefix -= 1 } else { errorPrefix -= 1 }
            if left == 1 { return .synReply(stream: UInt32(channel)) }
        }
        return nil
    }

    private func readChannel(from piece: inout ByteBuffer) throws(ChannelError) -> UInt8? {
        let channel: UInt8? = piece.readInteger()
        if let channel, channel > PortChannel.error { throw .channel(channel) }
        return channel
    }
}
