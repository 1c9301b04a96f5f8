import Base

/// Gives memory back to the system some time after very many objects have come or gone, once those who were told have
/// let go of theirs, and once more for those who take longer. Without that what reading a whole cluster took is kept
/// after it was read, and the room of the cluster after its last object has gone.
final class MemoryReturn: Sendable {
    private static let manyObjects = 1000
    /// Each after the one before.
    private static let waits: [Duration] = [.seconds(2), .seconds(6)]

    private enum State { case idle, waiting, waitingTwice }

    private let state = Guarded(State.idle)
    private let pause: @Sendable (Duration) async -> Void
    private let giveBack: @Sendable () -> Void

    init(
        pause: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) },
        giveBack: @escaping @Sendable () -> Void = ProcessMemory.giveBack
    ) {
        self.pause = pause
        self.giveBack = giveBack
    }

    /// So many objects have come, changed or gone. Any thread.
    func note(changes: Int) {
        guard changes >= Self.manyObjects else { return }
        let isFirst = state.withLock { state in
            defer { state = state == .idle ? .waiting : .waitingTwice }
            return state == .idle
        }
        if isFirst { Task { await wait() } }
    }

    /// Many changes in a row are no reason to wait for ever.
    private func wait() async {
        repeat {
            for wait in Self.waits {
                await pause(wait)
                giveBack()
            }
        } while goesOn()
    }

    private func goesOn() -> Bool {
        state.withLock { state in
            state = state == .waitingTwice ? .waiting : .idle
            return state == .waiting
        }
    }
}
