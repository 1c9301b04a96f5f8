internal import NIOCore
internal import NIOHTTP1

/// Gathers each request of a connection, or of an HTTP/2 stream, and runs the script for it in a task.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let connection: Int
    private let isHTTP2: Bool
    private let script: @Sendable (ReceivedRequest) -> Script
    private var request: ReceivedRequest?
    private var task: Task<Void, Never>?

    init(connection: Int, isHTTP2: Bool, script: @escaping @Sendable (ReceivedRequest) -> Script) {
        self.connection = connection
        self.isHTTP2 = isHTTP2
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = ReceivedRequest(
                method: head.method.rawValue, target: head.uri,
                headers: head.headers.map { ($0.name.lowercased(), $0.value) }, body: [], isHTTP2: isHTTP2,
                connection: connection)
        case .body(let buffer):
            request?.body += Array(buffer.readableBytesView)
        case .end:
            guard let request else { return }
            let (script, channel) = (script(request), context.channel)
            let reply = Reply(channel, isHTTP2: isHTTP2)
            // A script that fails because the client has gone has done its work; any other failure shows as a broken answer.
            task = Task {
                do { try await script.run(request, reply) } catch { channel.close(promise: nil) }
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        task?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
