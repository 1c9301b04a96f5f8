internal import NIOCore
internal import NIOTLS

/// What is said to a proxy and what it answers, as a value.
protocol ProxyHandshake {
    /// What to say first.
    mutating func begin() -> [UInt8]
    /// Takes what has come off `input`.
    mutating func take(_ input: inout [UInt8]) throws(ConnectorError) -> HandshakeStep
}

enum HandshakeStep: Hashable {
    /// There is more to come.
    case wait
    case send([UInt8])
    /// The next byte is for the server.
    case done
}

/// Speaks with a proxy until it has connected us, and then leaves.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var handshake: any ProxyHandshake
    private var input: [UInt8] = []
    private let promise: EventLoopPromise<Void>

    init(_ handshake: any ProxyHandshake, _ promise: EventLoopPromise<Void>) {
        self.handshake = handshake
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) { send(handshake.begin(), context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input += Array(unwrapInboundIn(data).readableBytesView)
        do {
            while true {
                switch try handshake.take(&input) {
                case .wait: return
                case .send(let bytes): send(bytes, context)
                case .done:
                    // Nobody has asked the server anything, so these are no words of a server.
                    guard input.isEmpty else { throw ConnectorError.notAProxy }
                    context.pipeline.syncOperations.removeHandler(self).cascade(to: promise)
                    return
                }
            }
        } catch {
            promise.fail(error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { promise.fail(error) }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ConnectorError.closed)
        context.fireChannelInactive()
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
}

/// Waits for the end of a TLS handshake, and then leaves.
final class TLSWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let promise: EventLoopPromise<Void>
    private let check: () throws -> Void

    /// - Parameter check: what else has to be right then.
    init(_ promise: EventLoopPromise<Void>, check: @escaping () throws -> Void) {
        self.promise = promise
        self.check = check
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        do {
            try check()
            context.pipeline.syncOperations.removeHandler(self).cascade(to: promise)
        } catch {
            promise.fail(error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { promise.fail(error) }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ConnectorError.closed)
        context.fireChannelInactive()
    }
}
