/// By which protocol tunnels are made, as somebody may want it.
public enum TunnelProtocol: String, CaseIterable, Sendable {
    /// SPDY in a WebSocket, and SPDY alone where that is refused.
    case auto
    /// SPDY in a WebSocket only.
    case websocket
    /// SPDY alone only.
    case spdy
    /// The channels of a WebSocket only: for API servers before 1.31 behind something that lets nothing but WebSockets
    /// through. A client's end cannot be passed on.
    case channels

    /// The one that is tried; nil for two.
    var only: PortForwardProtocol? {
        switch self {
        case .auto: nil
        case .websocket: .webSocket
        case .spdy: .spdy
        case .channels: .channels
        }
    }
}
