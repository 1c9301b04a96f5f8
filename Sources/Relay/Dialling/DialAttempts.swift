/// The attempts to reach an endpoint for one client (docs/behaviour.md, B5.2): each has its own time limit and takes a
/// new endpoint; a failed one is followed by the next without a pause.
enum DialAttempts {
    /// Milliseconds that each attempt may take.
    static let timeouts: [UInt64] = [250, 500, 1000, 2000]
    /// Milliseconds for any attempt by a tunnel, which is made in several steps and over other networks.
    static let tunnelTimeout: UInt64 = 10_000
    /// How long a UDP endpoint that failed is passed over, in milliseconds, while others are there to take its place.
    /// There is no way to ask one whether it is back; TCP endpoints are probed (``Probe``).
    static let penalty: UInt64 = 3000
}
