public import Redirect
public import Resolution

/// A service port whose traffic is led to the proxy.
public struct RedirectedPort: Sendable, Equatable {
    public let port: ServicePort
    public let proxy: ProxyPorts
}
