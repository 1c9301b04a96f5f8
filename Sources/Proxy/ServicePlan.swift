internal import Balancing
public import Base
public import Resolution

/// What is wanted for one Service. Made by a planner, one for a developer's machine and one for a node; the
/// ``Reconciler`` carries out what concerns the relay.
public struct ServicePlan: Sendable, Equatable {
    /// In the order of their names.
    public var ports: [PlannedPort]
    /// Those of its ports whose traffic the kernel is to lead to the proxy; none on a developer's machine.
    public var redirected: [RedirectedPort]
    /// Those that the kernel is to carry by itself.
    public var carried: [ServicePort] = []
    /// What is done differently from what was asked, and is all right so, in words for people.
    public var notes: [String]
    /// What is left out, and should not be.
    public var problems: [Problem]

    public init(
        ports: [PlannedPort] = [], redirected: [RedirectedPort] = [], notes: [String] = [], problems: [Problem] = []
    ) {
        self.ports = ports
        self.redirected = redirected
        self.notes = notes
        self.problems = problems
    }
}

extension ServicePlan {
    /// Without the UDP service ports that only pods could serve.
    mutating func leaveOutUDP(_ reason: String) {
        func isLeftOut(_ port: PlannedPort) -> Bool {
            port.id.transport == .udp && port.local == nil && port.standIns.isEmpty
        }
        notes += ports.filter(isLeftOut).map { "\($0.id): \(reason)" }
        ports.removeAll(where: isLeftOut)
    }
}
