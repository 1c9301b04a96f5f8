public import Base
internal import Glibc

/// Asks the kernel whose the other end of a TCP connection within this machine is (sock_diag(7), `linux/inet_diag.h`).
///
/// The kernel looks the one socket up by its four numbers, as it does for a packet, so a question takes a few
/// microseconds however many connections there are. It needs no privileges, and allocates nothing. A Unix socket tells
/// this by itself (SO_PEERCRED); TCP has no such option.
///
/// Belongs to one thread at a time, and knows the network namespace of the one that made it.
public struct SocketOwner: ~Copyable {
    private static let byFamily: UInt16 = 20
    private static let listening: UInt8 = 10
    /// The interface `lo` has this number in every network namespace.
    private static let loopback: UInt32 = 1

    /// Where the fields of a question stand, and of an answer, behind netlink's own header of 16 bytes.
    private enum Offset {
        static let sequence = 8
        static let family = 16
        static let (sourcePort, destinationPort, source, destination, interface) = (24, 26, 28, 44, 60)
        static let size = 72
        static let (state, user, inode) = (17, 80, 84)
        static let answerSize = 88
    }

    private var kernel: NetlinkSocket
    /// One question, of which each needs only some numbers changed.
    private var question: [UInt8]
    private var sequence: UInt32 = 0

    /// - Throws: ``SystemError`` if the kernel does not answer such questions (`CONFIG_INET_DIAG`).
    public init() throws(SystemError) {
        var asked = try NetlinkSocket(.sockets)
        try Self.check(&asked)
        kernel = asked
        // Every state, and no cookie, by which the kernel would make sure that it is the same socket as before.
        let head: [UInt8] = [2, UInt8(IPPROTO_TCP), 0, 0] + NetlinkRequest.raw(UInt32.max)
        let cookie = Array(repeating: UInt8.max, count: 8)
        let body = head + Array(repeating: 0, count: 40) + cookie
        question = NetlinkRequest(type: Self.byFamily, flags: 0, body: body).bytes
    }

    /// "No such socket" and "no such part of the kernel" are the same answer; a list, however, is empty or is refused.
    private static func check(_ kernel: inout NetlinkSocket) throws(SystemError) {
        let nothing = [2, UInt8(IPPROTO_TCP), 0, 0] + Array(repeating: UInt8(0), count: 52)
        try kernel.send(NetlinkRequest(type: byFamily, flags: NetlinkRequest.dump, body: nothing).bytes)
        while true {
            for message in NetlinkMessages(try kernel.receive()) {
                if message.type == NetlinkMessage.done { return }
                if message.type == NetlinkMessage.error {
                    throw SystemError("ask the kernel who has a connection", code: message.code)
                }
            }
        }
    }

    /// The user who has the other end of `client`, an accepted connection from `peer`; nil if nobody has it who is on
    /// this machine and in this network namespace, or nobody any more, or the kernel does not say.
    ///
    /// In a user namespace it is the number that the user has there, and 65534 for one who has none.
    public mutating func user(ofPeerOf client: borrowing Descriptor, at peer: SocketAddress) -> UInt32? {
        guard let local = try? TCPSocket.localAddress(of: client) else { return nil }
        return user(of: peer, to: local)
    }

    /// The user who has the socket at `address` that is connected to `other`; nil as above.
    public mutating func user(of address: SocketAddress, to other: SocketAddress) -> UInt32? {
        let scope = address.scope
        if let found = ask(address, other, interface: scope) { return found }
        // A socket that is bound to an interface is found only by whoever names that.
        return scope == 0 ? ask(address, other, interface: Self.loopback) : nil
    }

    private mutating func ask(_ address: SocketAddress, _ other: SocketAddress, interface: UInt32) -> UInt32? {
        sequence &+= 1
        write(address, other, interface)
        guard (try? kernel.send(question)) != nil else { return nil }
        // The answer is there once the question is sent. One to an earlier question, if that was given up, is not it.
        while let answer = try? kernel.receive() {
            guard answer.count >= 16, answer.u32(at: Offset.sequence) == sequence else { continue }
            return Self.user(answer)
        }
        return nil
    }

    private mutating func write(_ address: SocketAddress, _ other: SocketAddress, _ interface: UInt32) {
        // A socket of either kind is found by IPv4 addresses if it uses them.
        let (address, other) = (address.unmapped, other.unmapped)
        let sequence = sequence
        question.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: sequence, toByteOffset: Offset.sequence, as: UInt32.self)
            bytes[Offset.family] = UInt8(address.family)
            bytes.storeBytes(of: address.port.bigEndian, toByteOffset: Offset.sourcePort, as: UInt16.self)
            bytes.storeBytes(of: other.port.bigEndian, toByteOffset: Offset.destinationPort, as: UInt16.self)
            address.store(in: bytes, at: Offset.source)
            other.store(in: bytes, at: Offset.destination)
            bytes.storeBytes(of: interface, toByteOffset: Offset.interface, as: UInt32.self)
        }
    }

    private static func user(_ answer: ArraySlice<UInt8>) -> UInt32? {
        guard answer.u16(at: 4) == byFamily, answer.count >= Offset.answerSize else { return nil }
        // Without such a connection the kernel names a socket that listens there. And one that no process has any more
        // is said to be root's, whoever had it.
        guard answer[answer.startIndex + Offset.state] != listening, answer.u32(at: Offset.inode) != 0 else {
            return nil
        }
        return answer.u32(at: Offset.user)
    }
}

extension SocketAddress {
    fileprivate func store(in bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        let isIPv6 = isIPv6
        let words: (UInt64, UInt64) = isIPv6 ? (high.bigEndian, low.bigEndian) : (0, 0)
        bytes.storeBytes(of: words.0, toByteOffset: offset, as: UInt64.self)
        bytes.storeBytes(of: words.1, toByteOffset: offset + 8, as: UInt64.self)
        guard !isIPv6 else { return }
        bytes.storeBytes(of: UInt32(truncatingIfNeeded: low).bigEndian, toByteOffset: offset, as: UInt32.self)
    }
}
