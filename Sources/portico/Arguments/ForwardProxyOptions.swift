import ArgumentParser
import Base
import EventLoop
import ForwardProxy
import Glibc
import Relay

/// A proxy by which browsers and other programs find Services by their names in the cluster.
struct ForwardProxyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Be a proxy here, for browsers and others: Services are found by their names and cluster IPs.",
            discussion: """
                SOCKS5 and HTTP at the same port; without an address on 127.0.0.1 and ::1, and port 0 is chosen and printed. \
                'curl --proxy socks5h://127.0.0.1:1080 http://web.shop/'. All but Services is refused, and so are other users \
                (--share lets them in).
                """,
            valueName: "[addr:]port"),
        transform: { try ForwardProxyArgument($0) })
    var socks: ForwardProxyArgument?

    @Flag(help: "Let the proxy of --socks lead to any other host, too, from this machine.")
    var socksOpen = false

    @Option(
        help: ArgumentHelp(
            "Have clients of --socks say the user and password that are in this file, as user:password.",
            discussion: "Beyond loopback addresses the proxy needs one.", valueName: "file"),
        completion: .file())
    var socksPasswordFile: String?

    func check() throws {
        guard let socks else {
            for (flag, isGiven) in [("--socks-open", socksOpen), ("--socks-password-file", socksPasswordFile != nil)]
            where isGiven {
                throw ValidationError("\(flag) is about a proxy, which --socks asks for")
            }
            return
        }
        guard socksPasswordFile != nil || socks.address?.isLoopback ?? true else {
            throw ValidationError(
                "--socks \(socks): whoever can reach this machine could reach your Services by it: name a file with "
                    + "user:password by --socks-password-file, or leave the address out")
        }
    }

    /// - Throws: ``CommandFailure`` if the password cannot be read.
    func settings(share: Bool) throws -> ForwardProxyServer.Settings? {
        guard let socks else { return nil }
        var settings = ForwardProxyServer.Settings(addresses: socks.addresses.map(SocketAddress.init))
        settings.password = try socksPasswordFile.map(Self.password)
        settings.peers = share ? nil : .ofThisProcess()
        return settings
    }

    private static func password(in path: String) throws -> ProxyPassword {
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            throw CommandFailure("--socks-password-file \(path): \(SystemError.reason(errno))")
        }
        defer { close(file) }
        // Twice the longest is too long, too.
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw CommandFailure("--socks-password-file \(path): \(SystemError.reason(errno))") }
        guard let password = ProxyPassword(bytes[..<count]) else {
            throw CommandFailure(
                "--socks-password-file \(path): expected one line, user:password, with at most 255 bytes for either")
        }
        return password
    }
}

/// The value of `--socks`: `[address:]port`.
struct ForwardProxyArgument: Hashable, Sendable, CustomStringConvertible {
    /// Nil for both loopback addresses, `127.0.0.1` and `::1` if there is one.
    let address: IPAddress?
    let port: UInt16

    init(_ text: String) throws(ArgumentError) {
        (address, port) = try parseLocalAddress(text[...])
    }

    var addresses: [EndpointAddress] {
        let loopback = [IPAddress(v4: 0x7F00_0001), IPAddress(v6High: 0, low: 1)]
        return (address.map { [$0] } ?? loopback).map { EndpointAddress(ip: $0, port: port) }
    }

    var description: String { address.map { "\(EndpointAddress(ip: $0, port: port))" } ?? "\(port)" }
}
