internal import Balancing
internal import Base
internal import EventLoop

/// Letting endpoints see their clients' own addresses, for service ports whose policy wants that.
extension Worker {
    /// A socket that `connect` makes towards an endpoint: from the client's address where the policy says so and the
    /// kernel allows it, else from this machine's.
    ///
    /// - Parameter connect: makes a socket to the first address from the second, or from any if that is nil.
    @inline(__always)
    func socket(
        to endpoint: Endpoint, of port: PortState, for client: IPAddress,
        _ connect: (SocketAddress, SocketAddress?) throws(SystemError) -> Descriptor
    ) throws(SystemError) -> Descriptor {
        let address = endpoint.dialAddress
        guard endpoint.isLocal, let preservation = port.route.policy.sourcePreservation,
            preservation.applies(to: client, at: address.ip)
        else { return try connect(SocketAddress(address), nil) }
        return try imitate(client, port, SocketAddress(address), connect)
    }

    private func imitate(
        _ client: IPAddress, _ port: PortState, _ address: SocketAddress,
        _ connect: (SocketAddress, SocketAddress?) throws(SystemError) -> Descriptor
    ) throws(SystemError) -> Descriptor {
        do throws(SystemError) {
            return try connect(address, SocketAddress(EndpointAddress(ip: client, port: 0)))
        } catch {
            guard !error.isLocalExhaustion else { throw error }
            // If the endpoint is what is wrong, that fails too. Who is served from the wrong address is served.
            let socket = try connect(address, nil)
            if port.route.sourceLoss.isFirst() { report(.sourceNotPreserved(port.id, error)) }
            return socket
        }
    }
}
