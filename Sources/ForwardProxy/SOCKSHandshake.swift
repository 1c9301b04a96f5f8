internal import Base

/// What the server says at the end of the handshake (RFC 1928, 6).
enum SOCKSReply: UInt8 {
    case granted = 0, failed = 1, notAllowed = 2, hostUnreachable = 4, refused = 5, noSuchCommand = 7
    case noSuchAddressType = 8

    /// The address that a connection is made from is nobody's business, and is not known yet.
    var bytes: [UInt8] { [5, rawValue, 0, 1, 0, 0, 0, 0, 0, 0] }
}

/// The server's part of SOCKS version 5: RFC 1928 with CONNECT only, and passwords by RFC 1929. A value, which is given
/// what has come so far and takes whole messages off it.
struct SOCKSHandshake {
    private enum Phase {
        case methods, password, request, asked
    }

    private enum Method {
        static let (none, password, unacceptable): (UInt8, UInt8, UInt8) = (0, 2, 0xFF)
    }

    private let password: ProxyPassword?
    private var phase = Phase.methods

    init(password: ProxyPassword?) {
        self.password = password
    }

    /// The next step.
    ///
    /// - Parameter bytes: what the client has sent and nobody has used; what this uses is taken away.
    mutating func next(_ bytes: inout ArraySlice<UInt8>) -> ProxyStep {
        switch phase {
        case .methods: choose(&bytes)
        case .password: check(&bytes)
        case .request: read(&bytes)
        case .asked: .needsMore
        }
    }

    /// Version, number of methods, methods.
    private mutating func choose(_ bytes: inout ArraySlice<UInt8>) -> ProxyStep {
        guard let methods = bytes.tail(after: 1) else { return .needsMore }
        bytes = bytes.dropFirst(2 + methods.count)
        if password == nil, methods.contains(Method.none) {
            phase = .request
            return .send([5, Method.none])
        }
        // Where none is needed, some clients insist on saying one.
        guard methods.contains(Method.password) else { return .refuse([5, Method.unacceptable], wrongPassword: false) }
        phase = .password
        return .send([5, Method.password])
    }

    /// Version of this part, user, password; both with their length.
    private mutating func check(_ bytes: inout ArraySlice<UInt8>) -> ProxyStep {
        guard let version = bytes.first else { return .needsMore }
        guard version == 1 else { return .refuse([1, 1], wrongPassword: false) }
        guard let user = bytes.tail(after: 1), let said = bytes.tail(after: 2 + user.count) else { return .needsMore }
        bytes = bytes.dropFirst(3 + user.count + said.count)
        guard password?.isMet(user: user, password: said) ?? true else { return .refuse([1, 1], wrongPassword: true) }
        phase = .request
        return .send([1, 0])
    }

    /// Version, command, nothing, kind of address, address, port.
    private mutating func read(_ bytes: inout ArraySlice<UInt8>) -> ProxyStep {
        guard let version = bytes.first else { return .needsMore }
        guard version == 5 else { return .refuse(SOCKSReply.failed.bytes, wrongPassword: false) }
        guard bytes.count >= 4 else { return .needsMore }
        let (command, kind) = (bytes[bytes.startIndex + 1], bytes[bytes.startIndex + 3])
        guard command == 1 else { return .refuse(SOCKSReply.noSuchCommand.bytes, wrongPassword: false) }
        let host: ArraySlice<UInt8>
        switch kind {
        case 1: host = bytes.dropFirst(4).prefix(4)
        case 4: host = bytes.dropFirst(4).prefix(16)
        case 3:
            guard let name = bytes.tail(after: 4) else { return .needsMore }
            host = name
        default: return .refuse(SOCKSReply.noSuchAddressType.bytes, wrongPassword: false)
        }
        let end = host.endIndex
        let isWhole = kind == 3 || host.count == (kind == 1 ? 4 : 16)
        guard isWhole, bytes.endIndex - end >= 2 else { return .needsMore }
        let port = UInt16(bytes[end]) << 8 | UInt16(bytes[end + 1])
        bytes = bytes[(end + 2)...]
        let target =
            kind == 3
            ? ForwardTarget(text: host, port: port)
            : IPAddress(bytes: host).flatMap { ForwardTarget(host: .address($0), port: port) }
        guard let target else { return .refuse(SOCKSReply.failed.bytes, wrongPassword: false) }
        phase = .asked
        return .ask(target)
    }
}

extension ArraySlice<UInt8> {
    /// The bytes that follow their own length, which is at `offset`; nil while not all of them are there.
    fileprivate func tail(after offset: Int) -> ArraySlice<UInt8>? {
        guard count > offset else { return nil }
        let length = Int(self[startIndex + offset])
        guard count > offset + length else { return nil }
        return dropFirst(offset + 1).prefix(length)
    }
}
