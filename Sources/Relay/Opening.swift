/// What has passed between a client and whoever accepted it, before the relay has it: ``Relay/adopt(_:from:for:after:)``.
public struct Opening: Sendable, Hashable {
    /// What the client has sent that is for the endpoint, which gets it before anything else.
    public var request: [UInt8]
    /// What the client is to read before anything of the endpoint's, once a connection stands. A client for whom none
    /// comes to stand is reset without it.
    public var greeting: [UInt8]

    public init(request: [UInt8] = [], greeting: [UInt8] = []) {
        self.request = request
        self.greeting = greeting
    }
}
