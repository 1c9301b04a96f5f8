internal import Base
internal import NIOCore

/// A body between the event loop that reads it and the task that passes it on. What is not
/// taken is not read any further.
final class BodyPipe: Sendable {
    private enum End {
        case whole
        case broken
    }

    private struct State {
        var pieces: [ByteBuffer] = []
        var bytes = 0
        var end: End?
        var reader: CheckedContinuation<Void, Never>?
        /// Nobody will read any of it any more.
        var isDropped = false
        var wasTaken = false
    }

    /// Whoever sends it has gone in the middle of it.
    struct Broken: Error {}

    /// In bytes; nil if it is chunked.
    let length: Int?
    private let state = Guarded(State())
    /// Called when there is room again, on any thread.
    private let makeRoom: @Sendable () -> Void

    /// In bytes; beyond it, whoever sends is held back.
    static let room = 64 << 10

    init(length: Int?, makeRoom: @escaping @Sendable () -> Void) {
        self.length = length
        self.makeRoom = makeRoom
    }

    /// Whether there is nothing in it, which its head has said.
    var isEmpty: Bool { length == 0 }
    var isFull: Bool { state.withLock { $0.bytes >= Self.room } }
    var hasEnded: Bool { state.withLock { $0.end != nil } }
    /// Somebody has got a part of it, so that it cannot be read again.
    var wasTaken: Bool { state.withLock { $0.wasTaken } }

    func add(_ piece: ByteBuffer) {
        wake { state in
            guard !state.isDropped else { return }
            state.pieces.append(piece)
            state.bytes += piece.readableBytes
        }
    }

    func end() { wake { $0.end = $0.end ?? .whole } }

    func breakOff() { wake { $0.end = $0.end ?? .broken } }

    /// Lets go of what is there and what comes.
    func drop() {
        wake { state in
            (state.isDropped, state.bytes) = (true, 0)
            state.pieces = []
        }
        makeRoom()
    }

    private func wake(_ change: (inout State) -> Void) {
        let reader = state.withLock { state in
            change(&state)
            return exchange(&state.reader, with: nil)
        }
        reader?.resume()
    }

    /// The next piece; nil at the end. For one reader.
    ///
    /// - Throws: ``Broken``; `CancellationError`.
    func next() async throws -> ByteBuffer? {
        while true {
            try Task.checkCancellation()
            let (piece, end) = state.withLock { state in
                guard !state.pieces.isEmpty else { return (nil as ByteBuffer?, state.end) }
                let piece = state.pieces.removeFirst()
                state.bytes -= piece.readableBytes
                state.wasTaken = true
                return (piece, nil)
            }
            if let piece {
                makeRoom()
                return piece
            }
            switch end {
            case .whole: return nil
            case .broken: throw Broken()
            case nil: await wait()
            }
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    guard state.pieces.isEmpty, state.end == nil, !Task.isCancelled else { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            wake { _ in }
        }
    }
}

/// Puts another value in, and returns the one that was there.
private func exchange<Value>(_ place: inout Value, with value: Value) -> Value {
    defer { place = value }
    return place
}
