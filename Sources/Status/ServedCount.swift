/// How many Services there are to serve, and how many somebody serves.
public struct ServedCount: Hashable, Sendable {
    /// With a port of which some endpoint is known.
    public private(set) var served: Int
    /// With a port to serve.
    public private(set) var all: Int

    public init(served: Int = 0, all: Int = 0) {
        self.served = served
        self.all = all
    }

    mutating func replace(_ old: ServedService?, with new: ServedService?) {
        served += (new?.isServed == true ? 1 : 0) - (old?.isServed == true ? 1 : 0)
        all += (new?.hasPorts == true ? 1 : 0) - (old?.hasPorts == true ? 1 : 0)
    }
}
