internal import Base
public import EventLoop
internal import Glibc

/// The serving process's side of a handover: gives the listening sockets of a relay to a process that asks for them at
/// a path, and says when that process has taken over.
///
/// Until then nothing changes for the relay. A process that asks and then dies, or never confirms, has had no effect,
/// except that it may have accepted clients meanwhile; several may ask, and the first to confirm is the successor.
public final class HandoverServer: Sendable {
    private enum State {
        case serving(SocketFile)
        case succeeded
        case closed
    }

    private let path: String
    private let relay: Relay
    private let versions: HandoverVersions
    private let lock: @Sendable () -> Descriptor?
    private let state: Guarded<State>
    private struct Conversation {
        let channel: HandoverChannel
        let beginning: ContinuousClock.Instant
    }

    private let conversations = Guarded<[ObjectIdentifier: Conversation]>([:])
    private let count = Guarded(0)
    private let (successions, succession) = AsyncStream.makeStream(of: Void.self)

    /// Listens at `path`, with a socket file that only this user can use.
    ///
    /// - Parameter lock: a second descriptor of what only one process of this machine may have. The successor gets it
    ///   with the answer to its confirmation, so that it is nobody's at no time.
    /// - Throws: ``HandoverError``: ``HandoverError/taken(path:)`` if another process serves there, of which the
    ///   sockets are to be taken first.
    public convenience init(
        path: String, relay: Relay, lock: @escaping @Sendable () -> Descriptor? = { nil }
    ) throws(HandoverError) {
        try self.init(path: path, relay: relay, versions: .spoken, lock: lock)
    }

    init(
        path: String, relay: Relay, versions: HandoverVersions, lock: @escaping @Sendable () -> Descriptor? = { nil }
    ) throws(HandoverError) {
        self.path = path
        self.relay = relay
        self.versions = versions
        self.lock = lock
        let file = try SocketFile(listeningAt: path)
        state = Guarded(.serving(file))
        try serve(from: file)
    }

    deinit { close() }

    /// Waits until another process has taken over; this one should let go of its doors then (``Relay/letGo()``), and
    /// drain. For one caller, once.
    ///
    /// - Returns: false if the server was closed, or the caller's task cancelled, without that.
    public func successor() async -> Bool {
        for await _ in successions { return true }
        return false
    }

    /// Hands over no more, and removes the socket file if it is still this server's. A successor that has not confirmed
    /// yet is told so. Idempotent.
    public func close() {
        retire(.closed)
        succession.finish()
        let open = conversations.withLock { conversations in
            defer { conversations = [:] }
            return Array(conversations.values)
        }
        for conversation in open { conversation.channel.end() }
    }

    /// How many processes have asked so far.
    public var questions: Int { count.withLock { $0 } }

    /// Whether another process has taken over, or is about to and has asked no longer ago than this. One that takes longer
    /// may never come to it.
    public func isAsked(within time: Duration) -> Bool {
        if state.withLock({ if case .succeeded = $0 { true } else { false } }) { return true }
        let earliest = ContinuousClock.now - time
        return conversations.withLock { $0.values.contains { $0.beginning > earliest } }
    }

    private static let isTooLate = "another process was faster, or this one is ending"

    private var isServing: Bool {
        state.withLock { if case .serving = $0 { true } else { false } }
    }

    /// Ends the serving; false if that had happened before.
    @discardableResult
    private func retire(_ end: State) -> Bool {
        let file: SocketFile? = state.withLock { state in
            guard case .serving(let file) = state else { return nil }
            state = end
            return file
        }
        file?.retire()
        return file != nil
    }

    /// The successor died in the moment of its confirmation: this process is needed after all.
    private func resume() throws(HandoverError) {
        let file = try SocketFile(listeningAt: path)
        let isWanted = state.withLock { state in
            guard case .succeeded = state else { return false }
            state = .serving(file)
            return true
        }
        if isWanted { try serve(from: file) } else { file.retire() }
    }

    // MARK: Conversations

    private func serve(from file: SocketFile) throws(HandoverError) {
        do throws(SystemError) {
            _ = try LoopThread(name: "handover") { [weak self] in
                Self.accept(from: file) { self?.converse(over: $0) }
            }
        } catch {
            file.retire()
            throw .system(error)
        }
    }

    /// Takes whoever connects, until the file is retired; blocks.
    private static func accept(from file: SocketFile, _ take: (consuming MessageSocket) -> Void) {
        while true {
            do throws(SystemError) {
                take(try MessageSocket.accept(from: file.listener))
            } catch {
                // EINVAL: it no longer listens. Anything else, such as want of descriptors, passes.
                if error.code == EINVAL { return }
                usleep(100_000)
            }
        }
    }

    private func converse(over socket: consuming MessageSocket) {
        // A stranger is not even told why: the file's mode should have kept them out.
        guard let channel = try? HandoverChannel(socket) else { return }
        count.withLock { $0 += 1 }
        conversations.withLock {
            $0[ObjectIdentifier(channel)] = Conversation(channel: channel, beginning: ContinuousClock.now)
        }
        Task {
            do throws(HandoverError) {
                try await converse(over: channel)
            } catch .refused(let reason) {
                try? channel.send(.refused(reason))
            } catch {
                // It has ended, or is told; either way this process just goes on.
                try? channel.send(.refused(error.description))
            }
            conversations.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) }
        }
    }

    private func converse(over channel: HandoverChannel) async throws(HandoverError) {
        func receive() async throws(HandoverError) -> HandoverMessage {
            // Without a limit: how long the other process takes to get ready is its own affair.
            try await HandoverChannel.blocking { () throws(HandoverError) in try channel.receiveMessage() }
        }
        guard case .hello(let version) = try await receive() else { throw .unexpected("no greeting") }
        let answer = versions.answer(to: version)
        try channel.send(.hello(version: answer))
        guard answer <= version else { throw .version(version) }

        var rest = await relay.handedSockets[...]
        while true {
            switch try await receive() {
            case .next:
                // Doors are closed one by one once another process has them: what is left would be a part of them.
                guard isServing else { throw .refused(Self.isTooLate) }
                try await sendBatch(of: &rest, over: channel)
            case .confirm:
                guard retire(.succeeded) else { throw .refused(Self.isTooLate) }
                // The path is free by now, since the successor will want it for its own server.
                do throws(HandoverError) { try confirm(to: channel) } catch { return try resume() }
                succession.yield()
                succession.finish()
                return
            case let message:
                throw .unexpected(message.text)
            }
        }
    }

    private func confirm(to channel: HandoverChannel) throws(HandoverError) {
        if let lock = lock() {
            try channel.send(.confirmed, [lock.raw])
        } else {
            try channel.send(.confirmed)
        }
    }

    private func sendBatch(
        of rest: inout ArraySlice<Relay.HandedSocket>, over channel: HandoverChannel
    ) async throws(HandoverError) {
        while true {
            let count = HandoverMessage.batch(of: rest.lazy.map(\.door)).count
            let batch = rest.prefix(count)
            rest = rest.dropFirst(count)
            guard !batch.isEmpty else { return try channel.send(.none) }
            let copies: [(socket: Relay.HandedSocket, copy: Int32)]
            do throws(SystemError) {
                copies = try await relay.duplicates(of: batch)
            } catch {
                throw .system(error)
            }
            defer { for (_, copy) in copies { _ = Descriptor(owning: copy) } }
            // Asked again: another process may have been faster just now, and what is still open be a part of the
            // doors.
            guard isServing else { throw .refused(Self.isTooLate) }
            // All of them may have been closed meanwhile, with their Services.
            guard !copies.isEmpty else { continue }
            return try channel.send(.sockets(copies.map(\.socket.door)), copies.map(\.copy))
        }
    }
}
