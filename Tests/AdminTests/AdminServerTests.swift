import Base
import Glibc
import Relay
import TestSupport
import Testing

@testable import Admin

@Suite("The server of metrics and status", .timeLimit(.minutes(2))) struct AdminServerTests {
    private let loopback = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)

    private func run(
        _ process: AskedProcess, at address: AdminServer.Address, shared: Bool = false,
        patience: Duration = .seconds(60)
    ) async throws -> (place: AdminServer.Address, task: Task<AdminServer.Failure?, Never>) {
        let started = Locked<AdminServer.Address?>(nil)
        let server = AdminServer(process.pages, patience: patience)
        let task = Task { () -> AdminServer.Failure? in
            do throws(AdminServer.Failure) {
                try await server.run(at: address, shared: shared, started: { place in started.withLock { $0 = place } })
                return nil
            } catch {
                return error
            }
        }
        guard await eventually({ started.withLock { $0 } != nil }), let place = started.withLock({ $0 }) else {
            throw PeerError.timedOut("a server of metrics that begins")
        }
        return (place, task)
    }

    private func port(_ place: AdminServer.Address) -> UInt16 {
        if case .port(let address) = place { address.port } else { 0 }
    }

    private func ask(_ port: UInt16, _ lines: String...) async throws -> String {
        let text = lines.joined(separator: "\r\n") + "\r\nConnection: close\r\n\r\n"
        return try await ScriptedPeer.connect(to: port, script: [.send(text), .receiveAll]).finished().received.text
    }

    @Test("HTTP as programs speak it: heads, a request behind the other, headers that a browser needs")
    func http() async throws {
        let process = try AskedProcess()
        let (place, task) = try await run(process, at: .port(loopback))
        let port = port(place)
        let page = try await ask(port, "GET / HTTP/1.1", "Host: 127.0.0.1:\(port)")
        #expect(page.hasPrefix("HTTP/1.1 200 OK\r\n") && page.contains("Content-Security-Policy: default-src 'none'"))
        #expect(page.contains("X-Content-Type-Options: nosniff\r\n") && page.contains("Cache-Control: no-store\r\n"))
        let head = try await ask(port, "HEAD /status HTTP/1.1", "Host: localhost")
        #expect(head.contains("Content-Type: application/json\r\n") && head.hasSuffix("\r\n\r\n"))
        #expect(try await ask(port, "GET /status HTTP/1.1", "Host: evil.example").hasPrefix("HTTP/1.1 403"))
        #expect(
            try await ask(port, "GET /status HTTP/1.1", "Host: localhost", "Origin: http://evil.example").hasPrefix(
                "HTTP/1.1 403"))
        let two = try await ask(
            port, "GET /proxyMode HTTP/1.1", "Host: localhost", "", "GET /healthz HTTP/1.1", "Host: localhost")
        #expect(two.contains("userspace") && two.hasSuffix("ok"))
        let open = try await ask(port, "GET /metrics HTTP/1.1", "Host: x", "Accept: application/openmetrics-text")
        #expect(
            open.contains("Content-Type: application/openmetrics-text")
                && open.contains("# TYPE portico_accepted counter\n"))
        task.cancel()
        #expect(await task.value == nil)
        #expect(await eventually { (try? await ask(port, "GET /healthz HTTP/1.1", "Host: x")) == nil })
        await process.relay.stop()
    }

    @Test("Clients that say nothing, or begin and never end, keep nobody out, however many they are")
    func crowd() async throws {
        let process = try AskedProcess()
        let (place, task) = try await run(process, at: .port(loopback))
        let port = port(place)
        let end = Cue()
        var silent: [ScriptedPeer] = []
        let beginnings = [
            "", "GET /metrics HTTP/1.1\r\nHo", "PUT /log-level HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n1",
            "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n1",
        ]
        for number in 0..<120 {
            silent.append(
                try ScriptedPeer.connect(to: port, script: [.send(beginnings[number % beginnings.count]), .wait(end)]))
            if number % 10 == 9 {
                #expect(try await ask(port, "GET /healthz HTTP/1.1", "Host: x").hasSuffix("ok"), "after \(number + 1)")
            }
        }
        end.give()
        for client in silent { _ = await client.report() }
        task.cancel()
        _ = await task.value
        await process.relay.stop()
    }

    @Test("Who does not read what he has asked for, or sends what nobody has asked for, is let go of in time")
    func patience() async throws {
        let process = try AskedProcess()
        let (place, task) = try await run(process, at: .port(loopback), patience: .seconds(1))
        let page = try await ask(port(place), "GET / HTTP/1.1", "Host: localhost")
        // More than sockets have room for.
        let count = 16_000_000 / page.utf8.count
        let questions = String(repeating: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", count: count)
        let silent = try ScriptedPeer.connect(
            to: port(place), script: [.send(questions), .pause(.seconds(4)), .receiveAll])
        let endless = try ScriptedPeer.connect(
            to: port(place),
            script: [.send("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx"), .receiveAll])
        let received = await silent.report().received.text.utf8.count
        #expect(received < count * page.utf8.count * 3 / 4, "\(received)")
        #expect(await endless.report().received.text.hasPrefix("HTTP/1.1 200"))
        task.cancel()
        _ = await task.value
        await process.relay.stop()
    }

    @Test("A Unix socket is its owner's alone, replaces one that was left behind, and nothing else")
    func socket() async throws {
        let process = try AskedProcess()
        let folder = try TemporaryDirectory()
        let path = folder.file("a b.sock")
        let (_, first) = try await run(process, at: .socket(path: path))
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600 && status.st_mode & S_IFMT == S_IFSOCK)
        let client = AdminClient(.socket(path: path))
        #expect(String(decoding: try await client.get("/proxyMode"), as: UTF8.self) == "userspace")
        await #expect(throws: AdminClient.Failure.self) { try await client.get("/nothing") }
        // The process after this one takes the path, and this one's end does not take it away.
        let (_, second) = try await run(process, at: .socket(path: path), shared: true)
        first.cancel()
        _ = await first.value
        #expect(String(decoding: try await client.get("/healthz"), as: UTF8.self) == "ok")
        second.cancel()
        _ = await second.value
        #expect(lstat(path, &status) != 0, "and the last one takes it with it")
        try folder.write("mine", to: "file")
        let failure = Task { () -> AdminServer.Failure? in
            do throws(AdminServer.Failure) {
                try await AdminServer(process.pages).run(at: .socket(path: folder.file("file")))
                return nil
            } catch { return error }
        }
        #expect(await failure.value?.description == "something that is no socket is there already")
        let long = AdminServer.Address.socket(path: folder.file(String(repeating: "x", count: 120)))
        await #expect(throws: AdminServer.Failure.self) { try await AdminServer(process.pages).run(at: long) }
        await process.relay.stop()
    }

    @Test("An address that somebody has is an error that says so; shared, two have it")
    func sharing() async throws {
        let process = try AskedProcess()
        let (place, task) = try await run(process, at: .port(loopback), shared: true)
        await #expect(throws: AdminServer.Failure.self) { try await AdminServer(process.pages).run(at: place) }
        let (_, other) = try await run(process, at: place, shared: true)
        task.cancel()
        _ = await task.value
        let port = port(place)
        #expect(
            await eventually { (try? await ask(port, "GET /healthz HTTP/1.1", "Host: x"))?.hasSuffix("ok") == true })
        other.cancel()
        _ = await other.value
        await process.relay.stop()
    }

    @Test("An answer that begins and does not end is not waited for, and what speaks no HTTP is said to")
    func stalledAnswer() async throws {
        func failure(_ script: [PeerStep]) async throws -> String {
            let server = try ScriptedServer(script: script)
            let place = AdminServer.Address.port(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: server.port))
            let client = AdminClient(place, limit: .seconds(2))
            let failure = await #expect(throws: AdminClient.Failure.self) { try await client.get("/status") }
            return "\(failure, default: "nothing")"
        }
        let drip = (0..<100).flatMap { _ in [PeerStep.send("x"), .pause(.milliseconds(500))] }
        let stalled = try await failure(
            [.expect("GET"), .send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")] + drip)
        #expect(stalled.contains("has begun an answer, and does not end it"))
        #expect(
            try await failure([.expect("GET"), .send("rubbish\r\n\r\n"), .receiveAll]).contains("does not speak HTTP"))
        let long = AdminClient(.socket(path: "/" + String(repeating: "x", count: 200)))
        let failure = await #expect(throws: AdminClient.Failure.self) { try await long.get("/status") }
        #expect("\(failure, default: "nothing")".contains("at most 107 bytes"))
    }

    @Test("Nobody there: the client says who does not answer")
    func nobody() async throws {
        let client = AdminClient(.port(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 1)))
        do {
            _ = try await client.get("/status")
            Issue.record("somebody answers")
        } catch {
            #expect(error.description.lowercased() == "127.0.0.1:1 does not answer: connection refused")
        }
    }
}
