internal import NIOCore
internal import Relay

extension PodCall {
    /// The times of a call; the event loop's clock counts.
    struct Patience: Hashable {
        /// For the streams to be acknowledged.
        var acknowledgement = TimeAmount.seconds(5)
        /// The same by a line that was free before, and may be dead without anybody having said so.
        var stale = TimeAmount.seconds(2)
        /// After that, for a refusal.
        var refusal = TimeAmount.seconds(2)
        /// The same while the client has more to say than is kept, and waits.
        var refusalOfMuch = TimeAmount.milliseconds(50)
        /// After the pod's end, for the end of the error stream.
        var verdict = TimeAmount.seconds(1)
        /// For the rest of a text on the error stream.
        var text = TimeAmount.milliseconds(250)
        /// By channels, where a pod cannot be told that its client has ended: for more from the pod.
        var silence = TimeAmount.seconds(60)
    }

    /// What comes of a call, beyond its bytes.
    struct Outcome {
        /// Called with `withdrawn` or `broken`, once at most.
        var deliver: @Sendable (TunnelEnd) -> Void
        /// The line was dead already: our end, and what the client has said.
        var stale: (Int32, [UInt8]) -> Void
        /// What to tell people; nil for that it works.
        var report: (String?) -> Void
    }

    /// Our end of a pair.
    struct End {
        /// Owned by whoever it is given to.
        var socket: Int32
        /// What has been read of it already.
        var prefix: [UInt8]
    }
}
