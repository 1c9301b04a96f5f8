/// The proxy's part of a client's first words, in whichever of its protocols they are: their first byte tells. A value
/// without sockets.
///
///     next ──▸ needsMore (receive, then next) ──▸ … ──▸ ask ──▸ granted or refused
struct ProxyHandshake {
    private enum Language {
        case unknown
        case socks(SOCKSHandshake)
        case http(HTTPHandshake)
    }

    private let password: ProxyPassword?
    private var language = Language.unknown
    /// What has come and was not used: once the client has asked, it is for whoever it asked for.
    private var bytes: ArraySlice<UInt8> = []

    init(password: ProxyPassword?) {
        self.password = password
    }

    mutating func receive(_ more: some Sequence<UInt8>) {
        bytes += more
    }

    /// What is to be done now; to be asked again after ``ProxyStep/send(_:)``, and after more was received.
    mutating func next() -> ProxyStep {
        switch language {
        case .unknown:
            guard let first = bytes.first else { return .needsMore }
            switch first {
            case 5: language = .socks(SOCKSHandshake(password: password))
            // Version 4 has no names of hosts, and its answer is "rejected" (91).
            case 4: return .refuse([0, 91, 0, 0, 0, 0, 0, 0], wrongPassword: false)
            // A method is in capital letters.
            case 0x41...0x5A: language = .http(HTTPHandshake(password: password))
            default: return .hangUp
            }
            return next()
        case .socks(var handshake):
            defer { language = .socks(handshake) }
            return handshake.next(&bytes)
        case .http(var handshake):
            defer { language = .http(handshake) }
            return handshake.next(&bytes)
        }
    }

    /// The client is connected: what goes to the endpoint before anything else, and what the client is told.
    func granted() -> (request: [UInt8], greeting: [UInt8]) {
        switch language {
        case .unknown: ([], [])
        case .socks: (Array(bytes), SOCKSReply.granted.bytes)
        case .http(let handshake): (handshake.request + bytes, handshake.greeting)
        }
    }

    /// What the client is told that is not connected.
    func refused(_ refusal: ForwardRefusal) -> [UInt8] {
        switch language {
        case .unknown: []
        case .socks: refusal.reply.bytes
        case .http: refusal.status.answer(refusal.text)
        }
    }
}
