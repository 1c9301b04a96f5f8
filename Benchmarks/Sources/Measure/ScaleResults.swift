/// What `portico-bench scale` has measured: a daemon with more and more Services, and what a change to one of them costs it.
/// Seconds, bytes and shares of a core throughout.
public struct ScaleResults: Codable, Sendable {
    /// What is changed.
    public enum Change: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
        case endpoint = "an endpoint changed"
        case added = "a Service added"
        case deleted = "a Service deleted"

        /// Whether rules have to follow.
        public var changesRules: Bool { self != .endpoint }
    }

    public struct ChangeSample: Codable, Sendable {
        /// Of the process from before the change until it is quiet again, without what it uses anyway.
        public var ownCPU: Double
        /// Of what it has started, in ticks of the kernel's clock: only the mean says something.
        public var childrenCPU: Double
        /// From the file's rename to the line that says that it is in force.
        public var wall: Double
        public var othersShare: Double

        public init(ownCPU: Double, childrenCPU: Double, wall: Double, othersShare: Double) {
            (self.ownCPU, self.childrenCPU) = (ownCPU, childrenCPU)
            (self.wall, self.othersShare) = (wall, othersShare)
        }
    }

    public struct Start: Codable, Sendable {
        /// From the program's start until all is in force.
        public var wall: Double
        public var ownCPU, childrenCPU: Double
        public var peakMemory, memory: Double
        public var othersShare: Double

        public init(
            wall: Double, ownCPU: Double, childrenCPU: Double, peakMemory: Double, memory: Double, othersShare: Double
        ) {
            (self.wall, self.ownCPU, self.childrenCPU) = (wall, ownCPU, childrenCPU)
            (self.peakMemory, self.memory, self.othersShare) = (peakMemory, memory, othersShare)
        }
    }

    /// A daemon with nothing to do but to look at its files and, now and then, at its rules.
    public struct Idle: Codable, Sendable {
        public var files: Int
        public var seconds: Double
        /// Shares of a core.
        public var own, children: Double
        public var othersShare: Double

        public init(files: Int, seconds: Double, own: Double, children: Double, othersShare: Double) {
            (self.files, self.seconds, self.own, self.children) = (files, seconds, own, children)
            self.othersShare = othersShare
        }
    }

    /// All that was measured with one number of Services.
    public struct Size: Codable, Sendable {
        public var services: Int
        public var starts: [Start] = []
        public var changes: [Change: [ChangeSample]] = [:]
        /// What iptables-restore alone takes to add, and to delete, the lines of one Service, by hand.
        public var iptables: [Change: [Double]] = [:]
        /// Of the process that went through the changes, when all Services had gone.
        public var memoryAfterAll: Double?
        public var peakMemory: Double?
        public var idle: [Idle] = []

        public init(services: Int) { self.services = services }

        public func cpu(_ change: Change) -> Figure? { Figure((changes[change] ?? []).map(\.ownCPU)) }
        public func wall(_ change: Change) -> Figure? { Figure((changes[change] ?? []).map(\.wall)) }
        /// The mean.
        public func childrenCPU(_ change: Change) -> Double? {
            guard let samples = changes[change], !samples.isEmpty else { return nil }
            return samples.reduce(0) { $0 + $1.childrenCPU } / Double(samples.count)
        }
    }

    public var version: String
    public var endpoints: Int
    /// How often files are looked at: what a change waits for without any CPU being used.
    public var pollInterval: Double
    /// Resident, of a daemon that has never had a Service.
    public var emptyMemory: Double = 0
    public var sizes: [Size] = []
    public var environment: [String: String] = [:]
    /// What could not be measured, and why.
    public var remarks: [String] = []

    public init(version: String, endpoints: Int, pollInterval: Double) {
        (self.version, self.endpoints, self.pollInterval) = (version, endpoints, pollInterval)
    }

    /// Of every window, the share of the machine that others used in it.
    public var othersShares: [Double] {
        sizes.flatMap { size in
            size.starts.map(\.othersShare) + size.changes.values.joined().map(\.othersShare)
                + size.idle.map(\.othersShare)
        }
    }
}
