internal import Base
internal import Glibc
internal import KubernetesAPI
internal import NIOCore
internal import NIOWebSocket

/// Makes lines to pods: by WebSocket, or by SPDY alone where a server, or what stands before it, wants that; or by the
/// one protocol that somebody wants.
struct UpgradeMaker: Sendable {
    private let client: UpgradeClient
    private let pinging: Pinging
    private let listener: PodLine.Listener
    /// What somebody wants.
    private let choice: TunnelProtocol
    /// What the server took last.
    private let preferred = Guarded(PortForwardProtocol.webSocket)

    init(_ client: UpgradeClient, _ choice: TunnelProtocol, _ pinging: Pinging, _ listener: PodLine.Listener) {
        (self.client, self.choice, self.pinging, self.listener) = (client, choice, pinging, listener)
    }

    func line(to pod: LineKey) async throws(TunnelFailure) -> PodLine {
        do throws(TunnelFailure) {
            return try await attempt(pod)
        } catch {
            // A server, or a load balancer before it, that has just begun anew resets what it does not know.
            guard error.code == ECONNRESET else { throw error }
            return try await attempt(pod)
        }
    }

    private func attempt(_ pod: LineKey) async throws(TunnelFailure) -> PodLine {
        let first = choice.only ?? preferred.withLock { $0 }
        switch try await ask(first, pod) {
        case .line(let line): return line
        case .refused(let refusal):
            guard choice == .auto else {
                var failure = failure(refusal, pod)
                failure.text += "; no other protocol than \(choice.rawValue) was to be tried"
                throw failure
            }
            // Whatever the answer was: servers that do not know the first one have many, and a user may be allowed the
            // one and not the other.
            switch try await ask(first.other, pod) {
            case .line(let line):
                preferred.withLock { $0 = first.other }
                return line
            case .refused(let second):
                // Of SPDY, which all servers know, so that this is about the pod or the user.
                throw failure(first == .webSocket ? second ?? refusal : refusal ?? second, pod)
            }
        }
    }

    private func failure(_ refusal: UpgradeRefusal?, _ pod: LineKey) -> TunnelFailure {
        guard let refusal else {
            return TunnelFailure(
                code: EPROTO,
                text: "\(client.serverName) switches to another protocol than port-forwarding when it is asked "
                    + "for that; what stands before it?")
        }
        return TunnelFailure(refusal, for: pod, server: client.serverName)
    }

    private enum Answer {
        case line(PodLine)
        /// Nil for a switch to something else.
        case refused(UpgradeRefusal?)
    }

    private func ask(_ kind: PortForwardProtocol, _ pod: LineKey) async throws(TunnelFailure) -> Answer {
        let key = NIOWebSocketClientUpgrader.randomRequestKey()
        let made = Guarded<(line: PodLine?, isOther: Bool)>((nil, false))
        let answer: UpgradeAnswer
        do throws(APIError) {
            answer = try await client.send(kind.request(for: pod, key: key)) { [pinging, listener] connection in
                guard kind.isAgreed(by: connection, key: key) else {
                    made.withLock { $0.isOther = true }
                    throw OtherProtocol()
                }
                let channel = connection.channel
                let line = PodLine(pod, kind, on: channel.eventLoop, pinging: pinging, listener) { connection.cut() }
                try channel.syncOptions?.setOption(.writeBufferWaterMark, value: PodCall.waterMark)
                try channel.syncOptions?.setOption(.recvAllocator, value: PodCall.pieces)
                try channel.pipeline.syncOperations.addHandler(line)
                made.withLock { $0.line = line }
            }
        } catch {
            guard !made.withLock({ $0.isOther }) else { return .refused(nil) }
            throw TunnelFailure(error)
        }
        switch answer {
        case .refused(let refusal): return .refused(refusal)
        case .upgraded:
            // It has been made, or there would have been an error.
            guard let line = made.withLock({ $0.line }) else { return .refused(nil) }
            // What came right behind the answer may have been its end.
            let failure = try? await line.loop.submit {
                line.startPinging()
                return line.failure
            }.get()
            if let failure { throw failure }
            return .line(line)
        }
    }

    private struct OtherProtocol: Error {}
}
