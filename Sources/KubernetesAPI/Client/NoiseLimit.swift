internal import NIOCore
internal import NIOHTTP1

/// Ends an HTTP/1.1 connection by which much comes and nothing that means anything, as from a status line or an extension of a
/// chunk that never ends: the decoder keeps such bytes, and sets a limit only for headers. HTTP/2 has limits for all it knows.
enum NoiseLimit {
    /// Far more than the head of any answer.
    static let bytes = 1 << 20

    /// On the connection's event loop, with the handlers for HTTP in place.
    static func apply(to channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            let count = Count()
            try pipeline.addHandler(Before(count), position: .before(decoder))
            try pipeline.addHandler(After(count), position: .after(decoder))
        }
    }

    /// The bytes since the last that meant something. Of one connection, on its event loop.
    private final class Count {
        var bytes = 0
    }

    private final class Before: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        private let count: Count

        init(_ count: Count) { self.count = count }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            count.bytes += unwrapInboundIn(data).readableBytes
            guard count.bytes <= NoiseLimit.bytes else {
                context.fireErrorCaught(HTTPParserError.headerOverflow)
                return context.close(promise: nil)
            }
            context.fireChannelRead(data)
        }
    }

    private final class After: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias InboundOut = HTTPClientResponsePart

        private let count: Count

        init(_ count: Count) { self.count = count }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            count.bytes = 0
            context.fireChannelRead(data)
        }
    }
}
