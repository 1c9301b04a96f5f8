import ArgumentParser
import Tunnels

/// How tunnels to pods are made.
struct TunnelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "By which protocol tunnels to pods are made: auto, websocket, spdy or channels.",
            discussion: """
                websocket: SPDY in a WebSocket, which API servers know from 1.31 on. spdy: SPDY alone, which all of them \
                know. auto: the first, and the second where that is refused. channels: for API servers before 1.31 behind \
                something that lets only WebSockets through; it cannot tell a pod that its client has ended. (default: auto)
                """,
            valueName: "protocol"),
        transform: { text in
            guard let choice = TunnelProtocol(rawValue: text) else {
                throw ArgumentError("'\(text)' is none of auto, websocket, spdy and channels")
            }
            return choice
        })
    var tunnelProtocol: TunnelProtocol?
}
