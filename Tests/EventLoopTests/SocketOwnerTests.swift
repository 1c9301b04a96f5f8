import Base
import EventLoop
import Glibc
import TestSupport
import Testing

/// A connection within this machine, both ends of it open.
private struct Connected: ~Copyable {
    let client: Descriptor
    let accepted: Descriptor
    let peer: SocketAddress

    init(to address: SocketAddress, prepare: (borrowing Descriptor) -> Void = { _ in }) throws {
        let listener = try TCPSocket.listen(on: address)
        let place = try TCPSocket.localAddress(of: listener)
        let client = try Self.connect(to: place, prepare)
        let arrival = try listener.accepted()
        self.client = client
        peer = arrival.peer
        accepted = arrival.take()
    }

    private static func connect(
        to place: SocketAddress, _ prepare: (borrowing Descriptor) -> Void
    ) throws -> Descriptor {
        let socket = Descriptor(owning: Glibc.socket(place.isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        prepare(socket)
        try #require(connectSocket(socket.raw, to: place) == 0)
        return socket
    }
}

private func connectSocket(_ socket: Int32, to place: SocketAddress, mapped: Bool = false) -> Int32 {
    if place.isIPv6 || mapped {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = place.port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
            bytes.storeBytes(of: place.high.bigEndian, as: UInt64.self)
            let low = mapped ? 0xFFFF << 32 | place.low : place.low
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = place.port.bigEndian
    address.sin_addr.s_addr = UInt32(place.low).bigEndian
    return withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A client, as a listener gives it.
private struct Arrival: ~Copyable {
    let socket: Descriptor
    let peer: SocketAddress

    consuming func take() -> Descriptor { socket }
}

extension Descriptor {
    /// The next client, waiting for it.
    fileprivate borrowing func accepted(
        within limit: Duration = .seconds(10)
    ) throws -> Arrival {
        let deadline = Deadline.within(limit)
        while !deadline.hasPassed {
            var watched = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
            poll(&watched, 1, deadline.milliseconds)
            if case .accepted(let socket, let peer) = TCPSocket.accept(from: self) {
                return Arrival(socket: socket, peer: peer)
            }
        }
        throw PeerError.timedOut("accept")
    }
}

private func loopback6(port: UInt16 = 0) -> SocketAddress { SocketAddress(v6High: 0, low: 1, port: port) }

@Suite("Whose the other end of a connection is")
struct SocketOwnerTests {
    @Test("This process's own user, at any loopback address", arguments: [0x7F00_0001, 0x7F40_0107, 0x7F00_0099])
    func own(address: UInt32) throws {
        let connected = try Connected(to: SocketAddress(v4: address, port: 0))
        var owner = try SocketOwner()
        do {
            let user = owner.user(ofPeerOf: connected.accepted, at: connected.peer)
            #expect(user == geteuid())
        }
    }

    @Test("IPv6", .requires(.ipv6Loopback))
    func ipv6() throws {
        let connected = try Connected(to: loopback6())
        var owner = try SocketOwner()
        do {
            let user = owner.user(ofPeerOf: connected.accepted, at: connected.peer)
            #expect(user == geteuid())
        }
    }

    @Test("An IPv4 connection by a socket of IPv6")
    func mapped() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let place = try TCPSocket.localAddress(of: listener)
        let client = Descriptor(owning: Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0))
        try #require(connectSocket(client.raw, to: place, mapped: true) == 0)
        let arrival = try listener.accepted()
        var owner = try SocketOwner()
        do {
            let user = owner.user(ofPeerOf: arrival.socket, at: arrival.peer)
            #expect(user == geteuid())
        }
        // The same, as a dual-stack listener would tell it.
        let seen = SocketAddress(v6High: 0, low: 0xFFFF << 32 | arrival.peer.low, port: arrival.peer.port)
        do {
            let user = owner.user(of: seen, to: place)
            #expect(user == geteuid())
        }
    }

    @Test("A socket that is bound to an interface")
    func boundToInterface() throws {
        let connected = try Connected(to: .loopback(port: 0)) { socket in
            setsockopt(socket.raw, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)
        }
        var owner = try SocketOwner()
        do {
            let user = owner.user(ofPeerOf: connected.accepted, at: connected.peer)
            #expect(user == geteuid())
        }
    }

    @Test("Another user's", .requires(.root, .tool("setpriv"), .tool("bash")))
    func others() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let port = try TCPSocket.localAddress(of: listener).port
        let program = try ChildProcess(
            try #require(findProgram("setpriv")),
            OrdinaryUser.switches + ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); read -u 3"])
        let arrival = try listener.accepted()
        let mine = try Connected(to: .loopback(port: 0))
        var owner = try SocketOwner()
        for _ in 0..<3 {
            do {
                let user = owner.user(ofPeerOf: arrival.socket, at: arrival.peer)
                #expect(user == OrdinaryUser.id)
            }
            do {
                let user = owner.user(ofPeerOf: mine.accepted, at: mine.peer)
                #expect(user == geteuid())
            }
        }
        program.signal(SIGKILL)
    }

    @Test("Nobody's: one that was closed, whatever the kernel still knows of it")
    func closed() async throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let place = try TCPSocket.localAddress(of: listener)
        var client = Descriptor(owning: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        try #require(connectSocket(client.raw, to: place) == 0)
        let arrival = try listener.accepted()
        var owner = try SocketOwner()
        do {
            let user = owner.user(ofPeerOf: arrival.socket, at: arrival.peer)
            #expect(user == geteuid())
        }
        // It is an orphan now: its end is sent, and not yet answered by one of ours.
        client = .none
        do {
            let user = owner.user(ofPeerOf: arrival.socket, at: arrival.peer)
            #expect(user == nil)
        }
        // And now in TIME_WAIT.
        arrival.socket.shutdownWrite()
        do {
            let user = owner.user(ofPeerOf: arrival.socket, at: arrival.peer)
            #expect(user == nil)
        }
    }

    @Test("Nobody's: a listener at the address of a client is not the client")
    func listener() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let place = try TCPSocket.localAddress(of: listener)
        var owner = try SocketOwner()
        do {
            let user = owner.user(of: place, to: .loopback(port: 1))
            #expect(user == nil)
        }
        do {
            let user = owner.user(of: SocketAddress(v4: 0xC0A8_0101, port: 4000), to: place)
            #expect(user == nil)
        }
        do {
            let user = owner.user(of: loopback6(port: place.port), to: loopback6(port: 9))
            #expect(user == nil)
        }
    }

    @Test("Nobody's: a connection of another network namespace", .requires(.root, .tool("ip")))
    func otherNamespace() async throws {
        let connected = try Connected(to: .loopback(port: 0))
        let (peer, place) = (connected.peer, try TCPSocket.localAddress(of: connected.accepted))
        let user = try await OwnResources.inOwnNetwork(ports: 40_000...41_000) {
            var owner = try SocketOwner()
            return owner.user(of: peer, to: place)
        }
        #expect(user == nil)
        _ = consume connected
    }

    @Test("Of many connections, each is told from the others")
    func many() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let place = try TCPSocket.localAddress(of: listener)
        var owner = try SocketOwner()
        for _ in 0..<200 {
            let client = try TCPSocket.dial(place)
            let arrival = try listener.accepted()
            do {
                let user = owner.user(ofPeerOf: arrival.socket, at: arrival.peer)
                #expect(user == geteuid())
            }
            let other = SocketAddress(v4: 0x7F00_0002, port: arrival.peer.port)
            do {
                let user = owner.user(ofPeerOf: arrival.socket, at: other)
                #expect(user == nil)
            }
            _ = consume client
        }
    }
}

@Suite("Who is served")
struct PeerPolicyTests {
    @Test("The own user, nobody who cannot be seen, and root only if it is the own user")
    func users() {
        let mine = PeerPolicy(user: 1000)
        #expect(mine.admits(1000))
        #expect(!mine.admits(1001) && !mine.admits(0) && !mine.admits(nil))
        let root = PeerPolicy(user: 0)
        #expect(root.admits(0))
        #expect(!root.admits(1000) && !root.admits(nil))
    }

    @Test("Who has become root by sudo is served, too")
    func sudo() {
        let policy = PeerPolicy.ofThisProcess(["SUDO_UID": "1000"])
        #expect(policy.user == geteuid())
        #expect(policy.admits(1000) == (geteuid() == 0))
        for text in ["", "x", "-1", "4294967296"] {
            #expect(PeerPolicy.ofThisProcess(["SUDO_UID": text]).invoker == nil)
        }
    }

    @Test("A stranger is refused each time, and told of once")
    func stranger() throws {
        let connected = try Connected(to: .loopback(port: 0))
        var gate = try PeerGate(PeerPolicy(user: geteuid() + 1))
        for (now, isNews) in [(5000, true), (5001, false), (5999, false), (6000, true)] as [(UInt64, Bool)] {
            let verdict = gate.judge(connected.accepted, at: connected.peer, now: now)
            #expect(verdict == .refused(user: geteuid(), isNews: isNews))
        }
        var own = try PeerGate(PeerPolicy(user: geteuid()))
        let verdict = own.judge(connected.accepted, at: connected.peer, now: 0)
        #expect(verdict == .admitted)
    }
}
