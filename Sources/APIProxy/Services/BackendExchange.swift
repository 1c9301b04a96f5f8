internal import Base
internal import Glibc
internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// One request to a pod and its answer, on a connection that is there already and ends with them.
struct BackendExchange: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<BackendHandler>
    private let answer: EventLoopFuture<HTTPResponseHead>
    /// Of the answer.
    let body: BodyPipe
    /// Passes the body of the request on, if there is one.
    private let sending = Guarded<Task<Void, Never>?>(nil)

    /// - Parameter stream: closed by the end of the exchange, also if there is none.
    init(_ stream: BackendStream, isSecure: Bool) async throws {
        let made = Made()
        do {
            let tls = try isSecure ? Self.tls.get() : nil
            channel = try await ClientBootstrap(group: proxyEventLoops)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            try pipeline.addHandler(try NIOSSLClientHandler(context: tls, serverHostname: nil))
                        }
                        var framing = HTTPRequestEncoder.Configuration()
                        framing.automaticallySetFramingHeaders = false
                        try pipeline.addHandler(HTTPRequestEncoder(configuration: framing))
                        try pipeline.addHandler(EndHold())
                        try pipeline.addHandler(
                            ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)))
                        let handler = BackendHandler(channel.eventLoop)
                        try pipeline.addHandler(handler)
                        made.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
                    }
                }
                .withConnectedSocket(stream.descriptor).get()
        } catch {
            // A bootstrap that got as far as its initializer has closed it.
            if made.handler == nil { close(stream.descriptor) }
            throw error
        }
        guard let handler = made.handler else { throw ChannelError.ioOnClosedChannel }
        self.handler = handler
        stream.breaks?.hear { [channel] in
            channel.eventLoop.execute {
                // Or an answer that ends with its connection would pass for whole.
                handler.value.body.breakOff()
                channel.reset()
            }
        }
        (answer, body) = try await channel.eventLoop.submit { (handler.value.answer, handler.value.body) }.get()
    }

    /// Written by the initializer, read when the bootstrap is done.
    private final class Made: @unchecked Sendable {
        var handler: NIOLoopBound<BackendHandler>?
    }

    /// Certificates of pods are made by themselves, and for names that nobody here knows.
    private static let tls = Result {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        return try NIOSSLContext(configuration: configuration)
    }

    /// Closes the connection when `work` is done, unless it has become another's; at once if the task is cancelled or
    /// `work` fails. After it nothing more is taken of the body of the request.
    func use(_ work: () async throws -> Void) async throws {
        do {
            try await withTaskCancellationHandler {
                try await work()
            } onCancel: {
                end(within: .zero)
            }
            // The pod ends it, since we have said that it is the last request; then what carries it can be used again.
            end(within: .seconds(1))
        } catch {
            end(within: .zero)
            await stopSending()
            throw error
        }
        await stopSending()
    }

    private func end(within limit: TimeAmount) {
        let (channel, handler) = (channel, handler)
        channel.eventLoop.execute {
            guard !handler.value.isRaw, limit > .zero else {
                if !handler.value.isRaw { channel.reset() }
                return
            }
            let timer = channel.eventLoop.scheduleTask(in: limit) { channel.reset() }
            channel.closeFuture.whenComplete { _ in timer.cancel() }
        }
    }

    /// Nobody else may read the body for as long as this one does.
    private func stopSending() async {
        let task = sending.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    /// - Returns: the head of the answer. The body of the request may still be on its way, and is given up with its end.
    func send(_ head: HTTPRequestHead, _ request: ClientRequest) async throws -> HTTPResponseHead {
        channel.writeAndFlush(HTTPClientRequestPart.head(head), promise: nil)
        guard !request.body.isEmpty else {
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            return try await answer.get()
        }
        let (channel, read) = (channel, request.bodyReader)
        let task = Task {
            do {
                while let piece = try await read() {
                    try await channel.writeAndFlush(HTTPClientRequestPart.body(.byteBuffer(piece)))
                }
                try await channel.writeAndFlush(HTTPClientRequestPart.end(nil))
            } catch is BodyPipe.Broken {
                channel.reset()
            } catch {
                // That it takes no more, it may have said in its answer.
            }
        }
        sending.withLock { $0 = task }
        channel.closeFuture.whenComplete { _ in task.cancel() }
        return try await answer.get()
    }

    func becomeRaw(keepAlive: Duration?) async throws -> RawEnd.Place {
        let (channel, handler) = (channel, handler)
        return try await channel.eventLoop.flatSubmit {
            do {
                try channel.prepareForRaw(keepAlive: keepAlive)
                return try handler.value.becomeRaw()
            } catch {
                return channel.eventLoop.makeFailedFuture(error)
            }
        }.get()
    }

    /// Why there is no answer, for people.
    static func words(for error: any Error) -> String {
        switch error {
        case let error as BackendFailure: error.description
        case ChannelError.eof, ChannelError.ioOnClosedChannel, NIOSSLError.uncleanShutdown: "EOF"
        case let error as IOError: error.errnoCode == ECONNRESET ? "connection reset by peer" : "\(error)"
        case is HTTPParserError: "malformed HTTP response"
        case let error as NIOSSLError: "tls: \(error)"
        default: "\(error)"
        }
    }
}
