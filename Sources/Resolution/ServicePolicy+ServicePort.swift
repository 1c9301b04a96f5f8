public import Balancing

extension ServicePolicy {
    /// What `port` asks for.
    ///
    /// - Parameter balancing: for Services that do not say.
    public init(_ port: ServicePort, balancing: BalancingMethod = .roundRobin) {
        self.init(
            affinity: port.affinity, balancing: port.options.balancing ?? balancing,
            holdSeconds: port.options.holdSeconds, proxyProtocol: port.options.proxyProtocol,
            udpReplies: port.options.udpReplies)
    }
}
