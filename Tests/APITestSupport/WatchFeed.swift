internal import TestSupport

/// The lines of a watch, pushed by the test. A watch that ends takes none with it: the next gets what is left.
public final class WatchFeed: Sendable {
    private enum Item {
        case bytes([UInt8])
        case end
        case cut(reset: Bool)
    }
    private struct State {
        var items: [Item] = []
        var watches = 0
    }
    private let state = Locked(State())

    public init() {}

    /// How many watches have begun.
    public var watches: Int { state.withLock { $0.watches } }

    /// Pushes a line; it becomes a chunk of its own.
    public func send(_ line: String) { push(.bytes(Array((line + "\n").utf8))) }

    /// Pushes bytes as they are, such as half a line.
    public func send(bytes: [UInt8]) { push(.bytes(bytes)) }

    /// Ends the watch that is there, in order.
    public func end() { push(.end) }

    /// Breaks the connection of the watch that is there.
    public func cut(reset: Bool = false) { push(.cut(reset: reset)) }

    private func push(_ item: Item) { state.withLock { $0.items.append(item) } }

    func pour(into reply: Reply) async throws {
        state.withLock { $0.watches += 1 }
        while !Task.isCancelled {
            let item: Item? = state.withLock { $0.items.isEmpty ? nil : $0.items.removeFirst() }
            switch item {
            // Looking again every moment is dumb, and enough for a test.
            case nil: try await Task.sleep(for: .milliseconds(1))
            case .bytes(let bytes): try await reply.write(bytes)
            case .end: return try await reply.end()
            case .cut(reset: true): return await reply.reset()
            case .cut(reset: false): return try await reply.close()
            }
        }
    }
}
