public import Base

/// Where a pod is and how it does.
public struct PodStatus: Hashable, Sendable {
    public enum Phase: String, Codable, Hashable, Sendable, CaseIterable {
        case pending = "Pending"
        case running = "Running"
        case succeeded = "Succeeded"
        case failed = "Failed"
        case unknown = "Unknown"
    }

    public var phase: Phase?
    /// `podIPs`, or the single `podIP`; the first is the primary.
    public var podIPs: [IPAddress]
    /// The Ready condition; nil if there is none.
    public var ready: Bool?
    /// Whether there are conditions at all: a hand-written pod has none.
    public var hasConditions: Bool

    public init(phase: Phase? = nil, podIPs: [IPAddress] = [], ready: Bool? = nil) {
        self.phase = phase
        self.podIPs = podIPs
        self.ready = ready
        self.hasConditions = ready != nil
    }
}

extension PodStatus: Codable {
    private enum CodingKeys: String, CodingKey { case phase, podIP, podIPs, conditions }

    private struct PodIP: Codable {
        var ip: IPAddress
    }

    private struct Condition: Codable {
        var type: String
        var status: String
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        phase = try container.choice(.phase, of: Phase.self)
        podIPs = try container.list(.podIPs, of: PodIP.self).map(\.ip)
        // A pod that has no address yet may carry the empty text.
        if podIPs.isEmpty, let text = try container.text(.podIP), !text.isEmpty {
            podIPs = [try container.decode(IPAddress.self, forKey: .podIP)]
        }
        let conditions = try container.list(.conditions, of: Condition.self)
        hasConditions = !conditions.isEmpty
        ready = conditions.first { $0.type == "Ready" }.map { $0.status == "True" }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(phase, forKey: .phase)
        try container.encodeIfPresent(podIPs.first, forKey: .podIP)
        if !podIPs.isEmpty { try container.encode(podIPs.map(PodIP.init), forKey: .podIPs) }
        if let ready {
            try container.encode([Condition(type: "Ready", status: ready ? "True" : "False")], forKey: .conditions)
        }
    }
}
