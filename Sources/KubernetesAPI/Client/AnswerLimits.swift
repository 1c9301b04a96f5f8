internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOSSL

/// What the answers of a server are held to, beyond what the HTTP libraries see to themselves. All of it on the event
/// loop of a connection, with the handlers for HTTP in place.
enum AnswerLimits {
    /// What may come by an HTTP/1.1 connection without meaning anything: far more than the head of any answer. Bytes of
    /// a status line or an extension of a chunk that never ends are kept by the decoder, which sets a limit only for
    /// headers.
    static let bytesOfNoise = 1 << 20

    static func apply(toHTTP1 channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            let noise = Noise()
            try pipeline.addHandler(NoiseLimit(noise), position: .before(decoder))
            try pipeline.addHandler(HeadCheck(noise), position: .after(decoder))
        }
    }

    /// Takes what ``apply(toHTTP1:)`` has put in out again.
    static func lift(fromHTTP1 channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        pipeline.removeHandler(context: try pipeline.context(handlerType: NoiseLimit.self), promise: nil)
        pipeline.removeHandler(context: try pipeline.context(handlerType: HeadCheck.self), promise: nil)
    }

    static func apply(toHTTP2 channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ErrorLimit(), position: .last)
        }
    }

    static func apply(toHTTP2Stream channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(StatusCheck(), position: .first)
        }
    }

    // MARK: - HTTP/1.1

    /// The bytes since the last that meant something. Of one connection, on its event loop.
    private final class Noise {
        var bytes = 0
    }

    private final class NoiseLimit: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        private let noise: Noise

        init(_ noise: Noise) { self.noise = noise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            noise.bytes += unwrapInboundIn(data).readableBytes
            guard noise.bytes <= bytesOfNoise else { return end(context, HTTPParserError.headerOverflow) }
            context.fireChannelRead(data)
        }
    }

    private final class HeadCheck: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias InboundOut = HTTPClientResponsePart

        private let noise: Noise

        init(_ noise: Noise) { self.noise = noise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            noise.bytes = 0
            if case .head(let head) = unwrapInboundIn(data), !statuses.contains(Int(head.status.code)) {
                return end(context, InvalidStatus(text: "\(head.status.code)"))
            }
            context.fireChannelRead(data)
        }
    }

    // MARK: - HTTP/2

    /// Its codec and the HTTP client trap on numbers that are no status.
    private final class StatusCheck: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload
        typealias InboundOut = HTTP2Frame.FramePayload

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .headers(let headers) = unwrapInboundIn(data), let text = headers.headers.first(name: ":status") {
                guard text.utf8.count == 3, let status = UInt(text), statuses.contains(Int(status)) else {
                    context.fireErrorCaught(InvalidStatus(text: text))
                    return context.close(promise: nil)
                }
            }
            context.fireChannelRead(data)
        }
    }

    /// The library sets limits to what a server may flood a client with, and tells when one is passed. But it does not
    /// close the connection, and keeps what comes by it from then on.
    private final class ErrorLimit: ChannelInboundHandler {
        typealias InboundIn = NIOAny

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if !(error is NIOHTTP2Errors.StreamError) { context.channel.cut() }
            context.fireErrorCaught(error)
        }
    }

    // MARK: -

    private static let statuses = 100...999

    private static func end(_ context: ChannelHandlerContext, _ error: any Error) {
        context.fireErrorCaught(error)
        context.channel.cut()
    }
}

/// What a server sends for a status is none.
struct InvalidStatus: Error {
    /// As it came.
    let text: String
}

extension Channel {
    /// Closes the connection at once. TLS would say goodbye first, and take in for seconds what comes until the other
    /// side has answered that.
    func cut() {
        guard let tls = try? pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) else {
            return close(promise: nil)
        }
        tls.close(promise: nil)
    }
}
