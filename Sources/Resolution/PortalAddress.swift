public import Base

/// Where clients find a Service on a node. Whoever comes there can be led to one Service only, so that no two have the
/// same.
public enum PortalAddress: Hashable, Sendable {
    /// A cluster IP, an external IP or an address of a load balancer, with a port.
    case address(EndpointAddress, TransportProtocol)
    /// A port of all the node's own addresses.
    case nodePort(UInt16, TransportProtocol)
    /// A port at which load balancers ask about a Service.
    case healthCheck(UInt16)
}
