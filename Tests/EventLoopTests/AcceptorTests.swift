import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@Suite("Accepting clients in batches", .timeLimit(.minutes(2))) struct AcceptorTests {
    /// Its clients are in its queue.
    private static func listener(clients count: Int) throws -> (SocketEnd, [SocketEnd]) {
        let listener = SocketEnd(try TCPSocket.listen(on: .loopback(port: 0), backlog: 256))
        let address = try TCPSocket.localAddress(of: listener.descriptor)
        return (listener, try (0..<count).map { _ in SocketEnd(try TCPSocket.dial(address)) })
    }

    @Test("All that wait are taken, many in a turn, and not so many that nobody else has one")
    func batches() throws {
        let loop = try EventLoop()
        let (listener, clients) = try Self.listener(clients: 150)
        let acceptor = Acceptor(on: loop) { _ in Issue.record("nothing was short") }
        try loop.watchListener(listener.descriptor, token: 9)
        var (taken, turns): ([SocketEnd], [Int]) = ([], [])
        let result = loop.runGuarded { token, _ in
            acceptor.accept(from: listener.descriptor, token: token) { socket, _ in taken.append(SocketEnd(socket)) }
            turns.append(taken.count)
            if taken.count == clients.count { loop.stop() }
        }
        #expect(result == 0 && turns == [64, 128, 150])
    }

    @Test("Where there are no descriptors clients wait, at no cost, and are taken when there are some again")
    func shortage() async throws {
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let (listener, clients) = try Self.listener(clients: 3)
            // Closed before it is resumed.
            let (other, others) = try Self.listener(clients: 1)
            var isOtherOpen = true
            let acceptor = Acceptor(on: loop) { token in
                if token == 9 {
                    loop.setListener(listener.descriptor, token: token, accepting: true)
                } else {
                    #expect(!isOtherOpen)
                }
            }
            try loop.watchListener(listener.descriptor, token: 9)
            try loop.watchListener(other.descriptor, token: 10)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let usual = limit
            // Of descriptors that are open already there may be more.
            limit.rlim_cur = 3
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var (taken, reports): ([SocketEnd], Int) = ([], 0)
            let release = Timer(on: loop) {
                #expect(taken.isEmpty && reports == 2, "one report of each, and silence")
                other.close()
                isOtherOpen = false
                var usual = usual
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &usual)
            }
            release.start(after: 50)
            let result = loop.runGuarded { token, _ in
                reports += 1
                let socket = token == 9 ? listener : other
                acceptor.accept(from: socket.descriptor, token: token) { socket, _ in taken.append(SocketEnd(socket)) }
                if taken.count == clients.count { loop.stop() }
            }
            #expect(result == 0 && taken.count == 3 && others.count == 1)
        }
    }
}
