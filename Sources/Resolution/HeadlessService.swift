public import Objects

/// A Service without a cluster IP.
public struct HeadlessService: Hashable, Sendable {
    public var metadata: ObjectMeta
    public var ports: [HeadlessPort]

    public init(metadata: ObjectMeta, ports: [HeadlessPort]) {
        self.metadata = metadata
        self.ports = ports
    }
}
