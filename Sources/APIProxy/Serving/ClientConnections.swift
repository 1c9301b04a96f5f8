internal import HummingbirdCore
internal import KubernetesAPI
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// What Hummingbird's server is to do with a connection. Hummingbird listens, accepts and ends; HTTP is spoken by
/// handlers of our own on SwiftNIO: Hummingbird's have no way to hand over a connection that becomes another protocol
/// after its request has been looked at, nor to notice that a client has gone while an answer waits for its next piece,
/// and they put headers into another form.
struct ClientConnections: ServerChildChannel {
    let respond: Responder
    let check: PeerCheck

    struct Client: ServerChildChannelValue {
        let channel: any Channel
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Client> {
        check.judge(channel).flatMapThrowing { verdict in
            let pipeline = channel.pipeline.syncOperations
            let limit = HeadLimit()
            var framing = HTTPResponseEncoder.Configuration()
            // An answer to HEAD has a length and no body, which the encoder does not know.
            framing.automaticallySetFramingHeaders = false
            try pipeline.addHandler(HTTPResponseEncoder(configuration: framing))
            try pipeline.addHandler(EndHold())
            try pipeline.addHandler(limit)
            try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
            let respond: Responder =
                switch verdict {
                case .welcome: respond
                case .refused(let reason): { try await $0.reply.send(.text(403, "Forbidden: \(reason)")) }
                }
            try pipeline.addHandler(ClientHandler(limit: limit, respond: respond))
            return Client(channel: channel)
        }
    }

    func handle(value: Client, logger: Logger) async {
        await withTaskCancellationHandler {
            try? await value.channel.closeFuture.get()
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }
}
