import Balancing
import Base
internal import EventLoop
internal import Glibc

@testable import Relay

/// The PROXY header of any two addresses, read by a reader that knows only the specification.
func fuzzProxyHeader(_ bytes: [UInt8]) throws(FuzzFailure) {
    var rest = bytes[...]
    guard let client = SocketAddress(taking: &rest), let destination = SocketAddress(taking: &rest) else { return }
    let header = ProxyHeader(client: client, destination: destination)
    let expected = Said(client: client, destination: destination)

    let text = ProxyHeader.stream(.v1, header)
    try check(text.count <= 107, "version 1 fits what receivers have room for")
    try check(Said(version1: text) == expected, "\(String(decoding: text, as: UTF8.self)) says \(expected)")
    try check(Said(version2: ProxyHeader.stream(.v2, header), transport: 1) == expected, "version 2 says \(expected)")
    try check(Said(version2: ProxyHeader.datagram(header), transport: 2) == expected, "a datagram says \(expected)")
    try check(Said(version2: ProxyHeader.own(.v2), transport: 1) == .nothing, "the proxy says nothing of itself")
    try check(Said(version1: ProxyHeader.own(.v1)) == .nothing, "nor in version 1")
}

/// What a header says: addresses as text, as the C library prints them.
private enum Said: Equatable {
    case nothing
    case addresses(client: String, destination: String, ports: [UInt16])
    case wrong

    /// What has to be said.
    init(client: SocketAddress, destination: SocketAddress) {
        // IPv4 in an IPv6 socket is IPv4.
        func plain(_ address: SocketAddress) -> (isIPv6: Bool, bytes: [UInt8]) {
            let all = [address.high, address.low].flatMap { word in (0..<8).map { UInt8(word >> (56 - 8 * $0) & 0xFF) }
            }
            let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
            return address.isIPv6 && !isMapped ? (true, all) : (false, Array(all[12...]))
        }
        let (client, destination, ports) = (plain(client), plain(destination), [client.port, destination.port])
        self =
            client.isIPv6 != destination.isIPv6
            ? .nothing
            : .addresses(client: printed(client.bytes), destination: printed(destination.bytes), ports: ports)
    }

    init(version1 bytes: [UInt8]) {
        self = .wrong
        guard bytes.suffix(2) == [0x0D, 0x0A] else { return }
        let words = String(decoding: bytes.dropLast(2), as: UTF8.self).split(
            separator: " ", omittingEmptySubsequences: false)
        if words == ["PROXY", "UNKNOWN"] { self = .nothing }
        guard words.count == 6, words[0] == "PROXY", let family = ["TCP4": AF_INET, "TCP6": AF_INET6][words[1]],
            let client = Said.binary(words[2], family), let destination = Said.binary(words[3], family),
            let source = UInt16(words[4]), let target = UInt16(words[5])
        else { return }
        self = .addresses(client: printed(client), destination: printed(destination), ports: [source, target])
    }

    init(version2 bytes: [UInt8], transport: UInt8) {
        self = .wrong
        guard bytes.prefix(12).elementsEqual("\r\n\r\n\0\r\nQUIT\n".utf8), bytes.count >= 16,
            bytes.count == 16 + Int(bytes[14]) << 8 + Int(bytes[15])
        else { return }
        let body = bytes[16...]
        switch (bytes[12], bytes[13], body.count) {
        case (0x20, 0x00, 0): self = .nothing
        case (0x21, 0x10 | transport, 12), (0x21, 0x20 | transport, 36):
            let size = (body.count - 4) / 2
            let ports = [0, 2].map { UInt16(body[16 + 2 * size + $0]) << 8 | UInt16(body[17 + 2 * size + $0]) }
            self = .addresses(
                client: printed(Array(body.prefix(size))),
                destination: printed(Array(body.dropFirst(size).prefix(size))),
                ports: ports)
        default: break
        }
    }

    private static func binary(_ text: Substring, _ family: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
        return inet_pton(family, String(text), &bytes) == 1 ? bytes : nil
    }
}

private func printed(_ bytes: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else {
        return "?"
    }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

extension SocketAddress {
    /// The next address that the fuzzer has made up: a byte for the kind, the address, the port.
    fileprivate init?(taking bytes: inout ArraySlice<UInt8>) {
        guard let kind = bytes.popFirst(), bytes.count >= (kind % 2 == 0 ? 6 : 18) else { return nil }
        func number(_ count: Int) -> UInt64 {
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
        }
        if kind % 2 == 0 {
            self.init(v4: UInt32(number(4)), port: UInt16(number(2)))
        } else {
            self.init(v6High: number(8), low: number(8), port: UInt16(number(2)))
        }
    }
}
