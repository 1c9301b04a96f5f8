/// One figure a scenario yields, with its unit and the direction that is better.
public enum Metric: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
    /// Operations, or bits, a second. Shown as a ratio to the direct path of the same repetition.
    case rate
    /// The proxy's user and system time per unit of work: seconds per GiB, or microseconds per operation.
    case cpu
    /// Microseconds.
    case p50, p99
    /// Microseconds of median latency beyond the direct path's in the same repetition; beside a load, beyond the direct
    /// path's beside the same load.
    case added
    /// The same of the 99th percentile.
    case addedP99
    /// The median of the run's last third over that of its first: 1 if nothing grows.
    case growth
    /// Share of datagrams that never arrived, 0…1.
    case lost
    /// Private memory, descriptors and pipes the proxy grew by per idle pair.
    case bytesPerPair, descriptorsPerPair, pipesPerPair
    /// Megabytes after start, and milliseconds from start to the first accepted connection.
    case resident, start
    /// 1 if it works.
    case works
    /// Operations that failed, of all that were tried.
    case failed
    /// The rate beside a reader that pauses over the rate before.
    case kept
    /// Microseconds of CPU a second that the proxy uses for each idle pair.
    case idleCPU
    /// Seconds of CPU a second of the API server that tunnels go through.
    case server
    /// Milliseconds that the slowest scrape took meanwhile.
    case scrape

    /// Ratios mean something only for figures the direct path has too.
    public var relative: Bool { self == .rate }

    /// Whether more is better; of everything else less is.
    var isBetterHigher: Bool { self == .rate || self == .works || self == .kept }

    /// As a table's row calls it.
    func unit(in scenario: Scenario) -> String {
        switch self {
        case .rate: "of direct"
        case .cpu: scenario.work == .bytes ? "CPU s/GiB" : "CPU µs each"
        case .p50: "p50 µs"
        case .p99: "p99 µs"
        case .added: "added p50 µs"
        case .addedP99: "added p99 µs"
        case .growth: "last/first third"
        case .lost: "lost"
        case .bytesPerPair: "bytes each"
        case .descriptorsPerPair: "descriptors each"
        case .pipesPerPair: "pipes each"
        case .resident: "resident MB"
        case .start: "accepts after ms"
        case .works: "works"
        case .failed: "failed"
        case .kept: "rate kept"
        case .idleCPU: "CPU µs/s each"
        case .server: "CPU of the API server"
        case .scrape: "slowest scrape ms"
        }
    }
}

/// How the work of a scenario is counted.
public enum Work: String, Codable, Sendable {
    /// Rate in bits a second, CPU in seconds per GiB.
    case bytes
    /// Rate in operations a second, CPU in microseconds each.
    case operations
}
