internal import Base
internal import EventLoop
internal import Glibc
internal import NIOCore

/// Says of each client whether its user may use the proxy, who speaks with the credentials of whoever started it.
final class PeerCheck: Sendable {
    enum Verdict: Sendable {
        case welcome
        /// - Parameter reason: for people, on one line.
        case refused(String)
    }

    private let policy: PeerPolicy?
    private let owner: ConnectionOwner?

    /// - Parameter policy: nil lets everybody in.
    /// - Throws: ``SystemError`` if the kernel does not say who has a connection.
    init(_ policy: PeerPolicy?, on address: ProxyAddress) throws(SystemError) {
        self.policy = policy
        owner = if policy != nil, case .port = address { try ConnectionOwner() } else { nil }
    }

    /// On the channel's event loop, before a byte is read.
    func judge(_ channel: any Channel) -> EventLoopFuture<Verdict> {
        guard let policy else { return channel.eventLoop.makeSucceededFuture(.welcome) }
        if case .unixDomainSocket? = channel.localAddress, let options = channel as? any SocketOptionProvider {
            let peer: EventLoopFuture<PeerCredentials> = options.unsafeGetSocketOption(
                level: .socket, name: .init(rawValue: SO_PEERCRED))
            return peer.map { Self.verdict(policy, $0.uid) }
        }
        let user = user(of: channel)
        return channel.eventLoop.makeSucceededFuture(Self.verdict(policy, user))
    }

    private func user(of channel: any Channel) -> UInt32? {
        guard let local = channel.localAddress.flatMap(PeerAddress.init),
            let remote = channel.remoteAddress.flatMap(PeerAddress.init)
        else { return nil }
        return owner?.user(of: remote, to: local)
    }

    private static func verdict(_ policy: PeerPolicy, _ user: UInt32?) -> Verdict {
        if policy.admits(user) { return .welcome }
        let whose = user.map { "you are user \($0)" } ?? "who you are cannot be seen from here"
        return .refused(
            "this proxy serves programs of user \(policy.user) only, and \(whose); portico proxy --share serves everybody"
        )
    }

    /// `struct ucred`, which Swift's Glibc leaves out.
    private struct PeerCredentials {
        var process: Int32
        var uid: UInt32
        var gid: UInt32
    }
}

extension PeerAddress {
    /// - Returns: nil for what is no IP address.
    fileprivate init?(_ address: NIOCore.SocketAddress) {
        // Not by its fields, whose C types belong to a module that SwiftNIO keeps to itself.
        let isIPv6 = address.protocol == .inet6
        guard isIPv6 || address.protocol == .inet else { return nil }
        self = address.withSockAddr { kernel, size in
            let bytes = UnsafeRawBufferPointer(start: kernel, count: size)
            func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type) -> Number {
                Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
            }
            let port = number(at: 2, as: UInt16.self)
            guard isIPv6 else {
                return PeerAddress(
                    isIPv6: false, high: 0, low: UInt64(number(at: 4, as: UInt32.self)), scope: 0, port: port)
            }
            return PeerAddress(
                isIPv6: true, high: number(at: 8, as: UInt64.self), low: number(at: 16, as: UInt64.self),
                scope: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self), port: port)
        }
    }
}
