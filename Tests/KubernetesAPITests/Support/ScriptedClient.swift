import TestSupport

@testable import KubernetesAPI

/// An API server in memory: what it answers is scripted, and its watches stay open until a test ends them, or their request has
/// no patience left.
final class ScriptedClient: APIClient {
    enum Script: Sendable {
        case answer(Int, String, headers: [(name: String, value: String)] = [])
        /// An answer that goes on.
        case open(String)
        case failure(APIError)
        /// Nothing at all.
        case silence
        /// There are no credentials yet, so that the server has not been asked.
        case unsent
    }

    private struct State: Sendable {
        var script: @Sendable (APIRequest) -> Script
        var requests: [APIRequest] = []
        var streams: [(path: String, pipe: Pipe)] = []
    }

    private let state: Locked<State>
    private let clock: ManualClock

    init(_ clock: ManualClock, _ script: @escaping @Sendable (APIRequest) -> Script) {
        state = Locked(State(script: script))
        self.clock = clock
    }

    var requests: [APIRequest] { state.withLock { $0.requests } }
    /// The paths of watches that are open.
    var watches: [String] { state.withLock { $0.streams.filter { !$0.pipe.isOver }.map(\.path) } }

    func script(_ script: @escaping @Sendable (APIRequest) -> Script) { state.withLock { $0.script = script } }

    func send(_ request: APIRequest) async throws(APIError) -> APIResponse {
        let script = state.withLock { state in
            state.requests.append(request)
            return state.script(request)
        }
        let (pipe, watchdog) = (Pipe(), Watchdog(request.patience, clock))
        let read = { @Sendable () async throws(APIError) -> [UInt8]? in try await Self.read(pipe, watchdog) }
        switch script {
        case .failure(let error): throw error
        case .unsent:
            while true { _ = try await pipe.next() }
        case .silence:
            while true { _ = try await read() }
        case .answer(let status, let text, let headers):
            pipe.send(Array(text.utf8))
            pipe.end(nil)
            return APIResponse(status: status, headers: headers, body: APIBody(read))
        case .open(let text):
            pipe.send(Array(text.utf8))
            state.withLock { $0.streams.append((request.path, pipe)) }
            return APIResponse(status: 200, body: APIBody(read))
        }
    }

    private static func read(_ pipe: Pipe, _ watchdog: Watchdog) async throws(APIError) -> [UInt8]? {
        do {
            return try await watchdog.watch { try await pipe.next() }
        } catch let error as APIError {
            throw error
        } catch let error as Silence {
            throw .silent("silent for \(error.patience)")
        } catch {
            throw .cancelled
        }
    }

    /// More of the watches of a path.
    func push(_ path: String, _ text: String) {
        for stream in state.withLock({ $0.streams }) where stream.path == path { stream.pipe.send(Array(text.utf8)) }
    }

    /// Ends the watches of a path; nil for all.
    func cut(_ path: String? = nil, _ error: APIError? = .broken("it broke off")) {
        let streams = state.withLock { state in
            let ended = state.streams.filter { path == nil || $0.path == path }
            state.streams.removeAll { path == nil || $0.path == path }
            return ended
        }
        for stream in streams { stream.pipe.end(error) }
    }
}

/// The body of an answer, from a test to its reader.
private final class Pipe: Sendable {
    private struct State: Sendable {
        var pieces: [[UInt8]] = []
        var isOver = false
        var error: APIError?
        var reader: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())

    var isOver: Bool { state.withLock { $0.isOver } }

    func send(_ piece: [UInt8]) {
        if !piece.isEmpty { change { $0.pieces.append(piece) } }
    }

    func end(_ error: APIError?) {
        change { state in
            if !state.isOver { (state.isOver, state.error) = (true, error) }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let reader = state.withLock { state in
            body(&state)
            let reader = state.reader
            state.reader = nil
            return reader
        }
        reader?.resume()
    }

    @Sendable func next() async throws(APIError) -> [UInt8]? {
        while true {
            let (piece, isOver, error) = state.withLock { state in
                (state.pieces.isEmpty ? nil : state.pieces.removeFirst(), state.isOver, state.error)
            }
            if let piece { return piece }
            if let error { throw error }
            if isOver { return nil }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if !state.pieces.isEmpty || state.isOver { return true }
                        state.reader = continuation
                        return false
                    }
                    if isReady { continuation.resume() } else if Task.isCancelled { end(.cancelled) }
                }
            } onCancel: {
                end(.cancelled)
            }
        }
    }
}
