/// The header that tells an endpoint who the client is, since a relayed connection comes from the proxy.
public enum ProxyProtocol: String, Hashable, Sendable, CaseIterable {
    case v1
    case v2
}
