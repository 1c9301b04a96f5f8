/// Something of which a worker has only so much: connections, dials, waits for an endpoint, pipes, UDP flows. Many
/// service ports draw from it, and none may have so much that the others get nothing.
///
/// One rule for all of it: a service port may have one more as long as it has less than ``greed`` times what is still
/// free. So one alone gets four fifths, two get four ninths each, ten get a tenth each; what somebody leaves is there
/// for all at once, and something is always left for who has nothing yet, as long as there are fewer who want it all
/// than there is of it. No share has to be set, nothing is known about the others, and it takes one comparison.
///
/// How many a service port has is counted where the service port is, and passed in.
struct Supply: Equatable {
    static let greed = 4

    /// May be lowered below what is in use: then nobody gets any until enough has come back.
    var capacity: Int
    private(set) var used: Int

    /// - Parameter capacity: how many there are.
    init(capacity: Int, used: Int = 0) {
        self.capacity = capacity
        self.used = used
    }

    var free: Int { max(0, capacity - used) }

    /// Whether a service port that has `held` of them may have one more.
    @inline(__always)
    func admits(_ held: Int) -> Bool { held < Self.greed * free }

    /// Counts one more, with the service port's own count.
    @inline(__always)
    mutating func take(_ held: inout Int) {
        used += 1
        held += 1
    }

    @inline(__always)
    mutating func giveBack(_ held: inout Int) {
        used -= 1
        held -= 1
    }
}

/// What a worker has of everything that its connections need.
struct Supplies {
    /// Connections, whatever state they are in.
    var connections: Supply
    /// Those of them that are being dialled.
    var dials: Supply
    /// Those of them that wait for an endpoint. They may take long and come to nothing, so all of them together may
    /// have half of the connections.
    var holds: Supply

    init(connections: Int, dials: Int) {
        self.connections = Supply(capacity: connections)
        self.dials = Supply(capacity: dials)
        holds = Supply(capacity: max(1, connections / 2))
    }
}

/// What a service port has of them in one worker.
struct Holdings {
    var connections = 0
    var dials = 0
    var holds = 0
    var pipes = 0
}
