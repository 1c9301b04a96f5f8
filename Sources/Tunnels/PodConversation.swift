internal import NIOCore

/// How things stand between a client and a port of a pod: the data stream, the error stream, and what the client has
/// said as long as it could be said to another pod as well. A value.
///
/// A refusal looks like this: the data stream is acknowledged, it ends without a byte, then comes a text on the error
/// stream. So an end of the pod means nothing before the error stream has ended too.
struct PodConversation {
    /// From here on the client has to wait, until it is known whether the pod takes it.
    static let enoughTaken = 64 << 10
    /// As much as is kept of what the client says. It comes in pieces of 64 KiB, and what is in the pair when the client
    /// ends comes at once.
    static let mostTaken = 512 << 10
    /// As much as is kept of what the error stream says.
    private static let longestText = 4 << 10

    enum Step: Hashable {
        case goOn
        /// The client is to get the end.
        case passEnd
        /// The client is to get the end, and the streams are done with.
        case finish
        case fail
    }

    /// The server has said anything at all.
    private(set) var hasSign = false
    private(set) var isAcknowledged = false
    private(set) var clientHasEnded = false
    private(set) var podHasEnded = false
    private(set) var errorHasEnded = false
    private(set) var errorText: [UInt8] = []
    private(set) var hasPassedEnd = false
    /// What the client has said so far; nil once it cannot be taken back.
    private(set) var taken: [ByteBuffer]? = []
    private(set) var takenCount = 0

    /// Whether the client may be given to another pod.
    var canWithdraw: Bool { taken != nil }

    /// Both sides have said all.
    var isDone: Bool { podHasEnded && errorHasEnded && errorText.isEmpty }

    /// - Returns: whether it has been too much to be kept, and is no longer.
    mutating func clientSays(_ bytes: ByteBuffer) -> Bool {
        guard taken != nil else { return false }
        takenCount += bytes.readableBytes
        taken?.append(bytes)
        guard takenCount > Self.mostTaken else { return false }
        taken = nil
        return true
    }

    mutating func clientEnds() { clientHasEnded = true }

    mutating func acknowledge(isData: Bool) {
        hasSign = true
        if isData { isAcknowledged = true }
    }

    /// What goes to the client cannot be taken back.
    mutating func podSays() {
        hasSign = true
        isAcknowledged = true
        taken = nil
    }

    mutating func podEnds() -> Step {
        hasSign = true
        podHasEnded = true
        return settle()
    }

    mutating func errorSays(_ bytes: ByteBuffer, isLast: Bool) -> Step {
        hasSign = true
        errorText += bytes.readableBytesView.prefix(Self.longestText - errorText.count)
        if isLast { errorHasEnded = true }
        return settle()
    }

    private mutating func settle() -> Step {
        guard errorHasEnded else { return .goOn }
        guard errorText.isEmpty else { return .fail }
        guard podHasEnded else { return .goOn }
        return passEnd()
    }

    /// The error stream stays open although the pod has ended: some servers end it with the last side only.
    mutating func passEnd() -> Step {
        guard podHasEnded, errorText.isEmpty else { return .goOn }
        let isFirst = !hasPassedEnd
        hasPassedEnd = true
        taken = nil
        return errorHasEnded ? .finish : isFirst ? .passEnd : .goOn
    }

    /// What the client has said can no longer be taken back.
    mutating func forget() { taken = nil }
}
