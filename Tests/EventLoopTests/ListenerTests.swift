import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct ListenerTests {
    @Test func isReportedUntilEverythingIsAccepted() throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let address = try TCPSocket.localAddress(of: listener)
        try loop.watchListener(listener, token: 9)
        let clients = try (0..<3).map { _ in SocketEnd(try TCPSocket.dial(address)) }
        var accepted = 0
        // One accept for each report: the next report must come by itself.
        let result = loop.runGuarded { token, readiness in
            #expect(token == 9 && readiness == [.readable])
            guard case .accepted = TCPSocket.accept(from: listener) else { return }
            accepted += 1
            if accepted == clients.count { loop.stop() }
        }
        #expect(result == 0)
        let isEmpty = Self.isEmpty(listener)
        #expect(isEmpty)
    }

    @Test func isSilentWhilePausedAndReportsTheBacklogWhenResumed() throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let client = SocketEnd(try TCPSocket.dial(TCPSocket.localAddress(of: listener)))
        try loop.watchListener(listener, token: 9)
        loop.setListener(listener, token: 9, accepting: false)
        var (turns, reports) = (0, 0)
        loop.again(1)
        let result = loop.runGuarded { token, _ in
            if token == 1 {
                turns += 1
                if turns == 5 { loop.setListener(listener, token: 9, accepting: true) } else { loop.again(1) }
            } else {
                reports += 1
                #expect(turns == 5, "reported while paused")
                loop.stop()
            }
        }
        #expect(result == 0)
        #expect(reports == 1)
        #expect(client.isOpen)
    }

    /// With a duplicate open elsewhere, closing alone would leave it in the set: the second argument shows that it does.
    @Test(arguments: [true, false])
    func isSilentAfterItsCloseAlthoughAnotherProcessHasIt(isUnwatched: Bool) throws {
        let loop = try EventLoop()
        let listener = SocketEnd(try TCPSocket.listen(on: .loopback(port: 0)))
        let copy = SocketEnd(try listener.descriptor.duplicate())
        try loop.watchListener(listener.descriptor, token: 9)
        if isUnwatched { loop.unwatch(listener.descriptor) }
        listener.close()
        let client = SocketEnd(try TCPSocket.dial(TCPSocket.localAddress(of: copy.descriptor)))
        var reports = 0
        let result = loop.runTurns(5) { _, _ in reports += 1 }
        #expect(result == 0)
        #expect((reports == 0) == isUnwatched)
        #expect(client.isOpen && !Self.isEmpty(copy.descriptor), "it waits for whoever has the socket")
    }

    @Test func addressInUseNamesTheAddress() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let address = try TCPSocket.localAddress(of: listener)
        let error = try #require(throws: SystemError.self) { _ = try TCPSocket.listen(on: address) }
        #expect(error == SystemError("listen on", address.description, code: EADDRINUSE))
        #expect(error.isAddressInUse)
        #expect(error.description == "listen on \(address): Address already in use")
    }

    @Test func addressOfAnotherHostIsAnError() throws {
        // 192.0.2.0/24 is for documentation: no machine has it.
        let error = try #require(throws: SystemError.self) {
            _ = try TCPSocket.listen(on: SocketAddress(v4: 0xC000_0201, port: 8080))
        }
        #expect(error == SystemError("listen on", "192.0.2.1:8080", code: EADDRNOTAVAIL))
    }

    @Test func sharedAddressTakesSeveralListeners() throws {
        let first = try TCPSocket.listen(on: .loopback(port: 0), shared: true)
        let address = try TCPSocket.localAddress(of: first)
        let second = try TCPSocket.listen(on: address, shared: true)
        #expect(try TCPSocket.localAddress(of: second) == address)
        // One that does not share is kept out.
        let error = try #require(throws: SystemError.self) { _ = try TCPSocket.listen(on: address) }
        #expect(error.isAddressInUse)
    }

    @Test func reservedAddressRefusesUntilItsOwnerListens() throws {
        let reservation = try TCPSocket.reserve(.loopback(port: 0))
        let address = try TCPSocket.localAddress(of: reservation)
        for _ in 0..<2 {
            #expect(throws: SystemError("connect to", address.description, code: ECONNREFUSED)) {
                let socket = try TCPSocket.dial(address)
                throw SystemError("connect to", address.description, code: socket.pendingError())
            }
            let listener = try TCPSocket.listen(on: address)
            let client = try TCPSocket.dial(address)
            let state = TCPSocket.dialState(of: client)
            #expect(state == .connected)
            let isEmpty = Self.isEmpty(listener)
            #expect(!isEmpty)
        }
    }

    @Test func acceptsWithTheAddressOfTheClient() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let isEmpty = Self.isEmpty(listener)
        #expect(isEmpty)
        let client = SocketEnd(try TCPSocket.dial(TCPSocket.localAddress(of: listener)))
        guard case .accepted(let accepted, let peer) = TCPSocket.accept(from: listener) else {
            Issue.record("nothing accepted")
            return
        }
        let socket = SocketEnd(accepted)
        #expect(try TCPSocket.localAddress(of: client.descriptor) == peer)
        #expect(client.send("over"))
        #expect(socket.receive() == "over")
        // Inherited from the listener; the relay counts on it.
        #expect(option(socket, Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
        #expect(option(socket, SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(option(socket, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 15)
        #expect(fcntl(socket.descriptor.raw, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(socket.descriptor.raw, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test(.requires(.ipv6Loopback)) func familiesHaveListenersOfTheirOwn() throws {
        let six = try TCPSocket.listen(on: SocketAddress(v6High: 0, low: 0, port: 0))
        let address = try TCPSocket.localAddress(of: six)
        #expect(address.description == "[::]:\(address.port)")
        let four = try TCPSocket.listen(on: SocketAddress(v4: 0, port: address.port))
        #expect(try TCPSocket.localAddress(of: four).description == "0.0.0.0:\(address.port)")
        let client = SocketEnd(try TCPSocket.dial(SocketAddress(v6High: 0, low: 1, port: address.port)))
        guard case .accepted(_, let peer) = TCPSocket.accept(from: six) else {
            Issue.record("nothing accepted")
            return
        }
        #expect(try TCPSocket.localAddress(of: client.descriptor) == peer)
    }

    @Test func withoutDescriptorsTheQueueIsExhaustedNotEmpty() async {
        // The limit is the process's: hence one of its own.
        await #expect(processExitsWith: .success) {
            try await Descriptors.settle()
            let listener = try TCPSocket.listen(on: .loopback(port: 0))
            let client = SocketEnd(try TCPSocket.dial(TCPSocket.localAddress(of: listener)))
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let before = limit.rlim_cur
            // No number above 2 can be given out; 0 would forbid poll as well.
            limit.rlim_cur = 3
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            switch TCPSocket.accept(from: listener) {
            case .exhausted(let code): #expect(code == EMFILE)
            default: Issue.record("accepted without descriptors")
            }
            limit.rlim_cur = before
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            switch TCPSocket.accept(from: listener) {
            case .accepted: break
            default: Issue.record("the connection did not wait")
            }
            #expect(client.isOpen)
        }
    }

    @Test func acceptFromWhatIsNoListenerFails() throws {
        let pair = try SocketPair(tcp: ())
        guard case .failed(let code) = TCPSocket.accept(from: pair.left.descriptor) else {
            Issue.record("accepted from a connection")
            return
        }
        #expect(code == EINVAL)
    }

    private static func isEmpty(_ listener: borrowing Descriptor) -> Bool {
        if case .none = TCPSocket.accept(from: listener) { true } else { false }
    }

    private func option(_ socket: SocketEnd, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(socket.descriptor.raw, level, name, &value, &length)
        return value
    }
}

@Suite struct DialTests {
    @Test func isConnectedToAListener() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let socket = try TCPSocket.dial(TCPSocket.localAddress(of: listener))
        let state = TCPSocket.dialState(of: socket)
        #expect(state == .connected)
    }

    @Test func isRefusedByAPortWithoutListener() throws {
        let port = try RefusingPort()
        do throws(SystemError) {
            let socket = try TCPSocket.dial(.loopback(port: port.port))
            let state = TCPSocket.dialState(of: socket)
            #expect(state == .failed(ECONNREFUSED))
        } catch {
            #expect(error == SystemError("connect to", "127.0.0.1:\(port.port)", code: ECONNREFUSED))
        }
    }

    @Test func isPendingWhileNobodyAnswers() throws {
        let hole = try BlackHole()
        let socket = try TCPSocket.dial(.loopback(port: hole.port))
        let state = TCPSocket.dialState(of: socket)
        #expect(state == .pending)
    }

    @Test func addressThatCannotBeReachedIsAnErrorAtOnce() throws {
        // The broadcast address: no connection can go there.
        let error = try #require(throws: SystemError.self) {
            _ = try TCPSocket.dial(SocketAddress(v4: 0xFFFF_FFFF, port: 1))
        }
        #expect(error.operation == "connect to" && error.subject == "255.255.255.255:1")
    }
}
