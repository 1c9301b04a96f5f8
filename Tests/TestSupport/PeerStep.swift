/// One thing a ``ScriptedPeer`` does. A script is a list of steps, done in order; a step that cannot be done as said
/// (the other side closes, resets or is silent until the deadline) ends the script with an error.
public struct PeerStep: Sendable {
    enum Action: Sendable {
        case send([UInt8])
        case sendPattern(count: Int, BytePattern)
        case sendUrgently(count: Int, BytePattern, piece: Int)
        case expect(count: Int)
        case expectBytes([UInt8])
        case receiveAll(limitPerRead: Int, pause: Duration)
        case verify(count: Int?, BytePattern)
        case receiveReset
        case sendUntilReset
        case neverRead
        case echo
        case answerHTTP(body: String)
        case wait(Cue)
        case give(Cue)
        case pause(Duration)
        case meanwhile([PeerStep])
        case shutdownWrite, reset, close
    }
    let action: Action
    /// How the step appears in the message of a failed script.
    let name: String

    private init(_ action: Action, _ name: String) {
        self.action = action
        self.name = name
    }
}

// MARK: - Sending

extension PeerStep {
    public static func send(_ bytes: [UInt8]) -> PeerStep { PeerStep(.send(bytes), "send(\(bytes.count) bytes)") }

    public static func send(_ text: String) -> PeerStep { PeerStep(.send(Array(text.utf8)), "send(\"\(text)\")") }

    /// Sends the first `count` bytes of `BytePattern(seed:)`.
    public static func sendPattern(count: Int, seed: UInt64) -> PeerStep {
        PeerStep(.sendPattern(count: count, BytePattern(seed: seed)), "sendPattern(\(count))")
    }

    /// The same in pieces of `piece` bytes, the last byte of each marked as urgent (MSG_OOB).
    public static func sendUrgently(count: Int, seed: UInt64, piece: Int) -> PeerStep {
        PeerStep(.sendUrgently(count: count, BytePattern(seed: seed), piece: piece), "sendUrgently(\(count))")
    }

    /// Sends until the other side resets the connection, which the step wants.
    public static let sendUntilReset = PeerStep(.sendUntilReset, "sendUntilReset")

    /// Ends this side's direction; the other stays open.
    public static let shutdownWrite = PeerStep(.shutdownWrite, "shutdownWrite")

    /// Closes with a reset.
    public static let reset = PeerStep(.reset, "reset")

    /// Closes. A script that ends without it closes too; this is for closing before another step, such as a cue.
    public static let close = PeerStep(.close, "close")
}

// MARK: - Receiving

extension PeerStep {
    /// Receives exactly `count` bytes.
    public static func expect(_ count: Int) -> PeerStep { PeerStep(.expect(count: count), "expect(\(count))") }

    /// Receives exactly these bytes.
    public static func expect(_ bytes: [UInt8]) -> PeerStep {
        PeerStep(.expectBytes(bytes), "expect(\(bytes.count) bytes)")
    }

    public static func expect(_ text: String) -> PeerStep {
        PeerStep(.expectBytes(Array(text.utf8)), "expect(\"\(text)\")")
    }

    /// Receives until the other side ends its direction.
    public static let receiveAll = PeerStep(.receiveAll(limitPerRead: .max, pause: .zero), "receiveAll")

    /// Receives until the end in reads of at most `bytesPerStep` bytes with a pause after each.
    public static func readSlowly(bytesPerStep: Int, pause: Duration) -> PeerStep {
        PeerStep(.receiveAll(limitPerRead: bytesPerStep, pause: pause), "readSlowly(\(bytesPerStep))")
    }

    /// Receives `count` bytes (nil: until the end), each as in `BytePattern(seed:)`.
    public static func expectPattern(count: Int? = nil, seed: UInt64) -> PeerStep {
        PeerStep(.verify(count: count, BytePattern(seed: seed)), "expectPattern(\(count.map(String.init) ?? "all"))")
    }

    /// Receives until the connection is reset; an orderly end is an error.
    public static let receiveReset = PeerStep(.receiveReset, "receiveReset")

    /// Holds the connection without reading until the other peer's test stops this one; its last step.
    public static let neverRead = PeerStep(.neverRead, "neverRead")

    /// Sends back all it receives, and the end too.
    public static let echo = PeerStep(.echo, "echo")

    /// Answers each HTTP request on the connection with `200 OK` and `body`, until the other side ends.
    public static func answerHTTP(_ body: String) -> PeerStep { PeerStep(.answerHTTP(body: body), "answerHTTP") }
}

// MARK: - Timing

extension PeerStep {
    public static func wait(_ cue: Cue) -> PeerStep { PeerStep(.wait(cue), "wait(cue)") }

    public static func give(_ cue: Cue) -> PeerStep { PeerStep(.give(cue), "give(cue)") }

    public static func pause(_ duration: Duration) -> PeerStep { PeerStep(.pause(duration), "pause(\(duration))") }

    /// Does `steps` on a second thread beside the rest of the script, for traffic in both directions at once; the
    /// script ends when both have. One of the two may send, the other receive.
    public static func meanwhile(_ steps: [PeerStep]) -> PeerStep {
        PeerStep(.meanwhile(steps), "meanwhile[\(steps.map(\.name).joined(separator: ", "))]")
    }
}
