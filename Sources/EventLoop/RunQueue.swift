/// Who gave way to others although it could go on, in the order in which they did.
///
/// Two rules keep a busy loop fair. Nobody is in the queue twice, so that an event for somebody who waits already does
/// not buy it another slice. And what is queued during a turn waits for the next one, so that new events, timers and
/// the inbox have had theirs in between.
struct RunQueue {
    private var tokens: [EventLoop.Token] = []
    /// The same, for finding out who is there.
    private var members: Set<EventLoop.Token> = []
    /// Where the first that waits is, and behind the last that may run in this turn.
    private var head = 0
    private var end = 0

    var isEmpty: Bool { members.isEmpty }

    /// Adds `token` unless it waits already. Constant time; allocates only while the queue grows beyond what it has
    /// been.
    @inline(__always)
    mutating func add(_ token: EventLoop.Token) {
        if members.insert(token).inserted { tokens.append(token) }
    }

    /// From now on ``next()`` gives what waits now, and not what is added later.
    @inline(__always)
    mutating func beginTurn() {
        guard head > 0 else {
            end = tokens.count
            return
        }
        // Moving the rest costs no more than what has been taken since the last time did.
        if head * 2 >= tokens.count {
            tokens.removeSubrange(..<head)
            head = 0
        }
        end = tokens.count
    }

    /// Takes out the first of those that may run in this turn.
    @inline(__always)
    mutating func next() -> EventLoop.Token? {
        guard head < end else { return nil }
        let token = tokens[head]
        head += 1
        members.remove(token)
        return token
    }
}
