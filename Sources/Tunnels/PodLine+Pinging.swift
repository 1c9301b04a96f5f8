internal import Glibc
internal import NIOCore

/// How a line sees to it that it lives, and that everything between here and the server sees bytes.
struct Pinging: Hashable {
    /// Load balancers cut what has been silent for some minutes, some test beds after 15 s.
    var every = TimeAmount.seconds(8)
    /// After so many without a byte in return the line is dead.
    var most = 3
}

extension PodLine {
    /// Once it stands: before that, what is said would be taken for HTTP.
    func startPinging() {
        guard !hasEnded else { return }
        pingTask = loop.scheduleRepeatedTask(initialDelay: pinging.every, delay: pinging.every) { _ in self.ping() }
    }

    private func ping() {
        guard !isEnding, context != nil else { return }
        // By channels the server closes the connection when the pod has ended. What it gets after that has it throw away
        // all that has not been read here; so nothing is asked while there may be such.
        guard !codec.isByChannels || !isReadHeld && !hasSpoken else {
            (unanswered, hasSpoken) = (0, false)
            return
        }
        // What has not been read may have the answer in it; and where nothing is taken from us, no question arrives.
        if isReadHeld || !isWritable { unanswered = 0 }
        guard unanswered < pinging.most else {
            return fail(ETIMEDOUT, "the API server has not answered \(pinging.most) pings on a tunnel")
        }
        unanswered += 1
        write(codec.ping())
        flush()
    }
}
