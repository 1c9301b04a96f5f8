public import Redirect

/// A service port whose traffic is led to the proxy.
public struct RedirectedPort: Sendable, Equatable {
    /// As if all its doors were open.
    public let portals: [Portal]
    public let proxy: ProxyPorts
}
