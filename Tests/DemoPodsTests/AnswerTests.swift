import DemoPods
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct AnswerTests {
    @Test func eachPodAnswersWithItsName() async throws {
        let pods = try DemoPods()
        let first = try pods.port(of: "nginx1")
        let second = try pods.port(of: "nginx2", at: "10.244.2.4:80")
        #expect(first != second)
        #expect(try await exchange(lastGetRequest, with: first) == answer(of: "nginx1", connection: "close"))
        #expect(try await exchange(lastGetRequest, with: second) == answer(of: "nginx2", connection: "close"))
    }

    @Test func connectionStaysForMoreRequests() async throws {
        let pods = try DemoPods()
        let client = try ScriptedPeer.connect(
            to: pods.port(of: "nginx1"),
            script: [
                .send(getRequest), .expect(answer(of: "nginx1")), .send(getRequest), .expect(answer(of: "nginx1")),
                .send("HEAD / HTTP/1.1\r\n\r\n"), .expect(String(answer(of: "nginx1").dropLast("nginx1\n".count))),
                .send(lastGetRequest), .expect(answer(of: "nginx1", connection: "close")), .receiveAll,
            ])
        #expect(try await client.finished().sawEnd)
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let pods = try DemoPods()
        var script: [PeerStep] = []
        let count = 500
        let requests = (0..<count).map { "POST /echo HTTP/1.1\r\nContent-Length: 4\r\n\r\n\(1000 + $0)" }.joined()
        script.append(.send(requests + lastGetRequest))
        for number in 0..<count {
            script.append(
                .expect(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nX-Pod: nginx1\r\n\r\n"
                        + "\(1000 + number)"))
        }
        script += [.expect(answer(of: "nginx1", connection: "close")), .receiveAll]
        let client = try ScriptedPeer.connect(to: pods.port(of: "nginx1"), script: script)
        #expect(try await client.finished().sawEnd)
    }

    @Test func connectionEndsAfterHTTP10UnlessAskedToStay() async throws {
        let pods = try DemoPods()
        let port = try pods.port(of: "nginx1")
        let old = "GET / HTTP/1.0\r\n\r\n"
        let stay = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        #expect(try await exchange(old + old, with: port) == answer(of: "nginx1", connection: "close"))
        #expect(
            try await exchange(stay + old, with: port)
                == answer(of: "nginx1", connection: "keep-alive") + answer(of: "nginx1", connection: "close"))
    }

    @Test func clientThatEndsItsDirectionStillGetsItsAnswers() async throws {
        let pods = try DemoPods()
        let client = try ScriptedPeer.connect(
            to: pods.port(of: "nginx1"),
            script: [
                .send(getRequest + getRequest), .shutdownWrite,
                .expect(answer(of: "nginx1") + answer(of: "nginx1")), .receiveAll,
            ])
        #expect(try await client.finished().sawEnd)
    }

    @Test func requestThatIsCutOffIsRefused() async throws {
        let pods = try DemoPods()
        let client = try ScriptedPeer.connect(
            to: pods.port(of: "nginx1"), script: [.send("GET / HTTP/1.1\r\nHost:"), .shutdownWrite, .receiveAll])
        #expect(try await client.finished().received.text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    }

    @Test(arguments: [
        ("hello\n", 400), ("\u{16}\u{3}\u{1}", 400), ("GET / HTTP/3.0\r\n\r\n", 505),
        ("DELETE / HTTP/1.0\r\n\r\n", 405),
        ("POST / HTTP/1.0\r\n\r\n", 404), ("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ])
    func whatItCannotAnswerIsRefusedAndTheConnectionEnds(_ text: String, _ status: Int) async throws {
        let pods = try DemoPods()
        let port = try pods.port(of: "nginx1")
        #expect(try await exchange(text, with: port).hasPrefix("HTTP/1.1 \(status) "))
        #expect(try await exchange(lastGetRequest, with: port).hasSuffix("nginx1\n"), "and the pod goes on")
    }

    @Test func aBodyOfAMebibyteComesBack() async throws {
        let pods = try DemoPods()
        let size = 1 << 20
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(size)\r\nX-Pod: a\r\n\r\n"
        let client = try ScriptedPeer.connect(
            to: pods.port(of: "a"),
            script: [
                .send("POST /echo HTTP/1.1\r\nContent-Length: \(size)\r\n\r\n"), .sendPattern(count: size, seed: 5),
                .expect(head), .expectPattern(count: size, seed: 5),
            ])
        _ = try await client.finished()
    }

    @Test func aLargerBodyIsRefusedAndTheRefusalArrivesThoughTheClientGoesOnSending() async throws {
        let pods = try DemoPods()
        let size = 4 << 20
        let client = try ScriptedPeer.connect(
            to: pods.port(of: "a"),
            script: [
                .send("POST /echo HTTP/1.1\r\nContent-Length: \(size)\r\n\r\n"), .sendPattern(count: size, seed: 5),
                .receiveAll,
            ])
        #expect(try await client.finished().received.text.hasPrefix("HTTP/1.1 413 Content Too Large\r\n"))
    }

    @Test func anEndlessHeadIsRefused() async throws {
        let pods = try DemoPods()
        let text = try await exchange("GET /" + String(repeating: "x", count: 64 << 10), with: pods.port(of: "a"))
        #expect(text.hasPrefix("HTTP/1.1 431 "))
    }

    @Test func clientThatWaitsToBeAskedIsAsked() async throws {
        let pods = try DemoPods()
        let client = try ScriptedPeer.connect(
            to: pods.port(of: "a"),
            script: [
                .send("POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"),
                .expect("HTTP/1.1 100 Continue\r\n\r\n"), .send("ok"), .receiveAll,
            ])
        #expect(try await client.finished().received.text.hasSuffix("\r\n\r\nok"))
    }
}

@Suite(.timeLimit(.minutes(2))) struct ManyClientsTests {
    @Test func clientsThatDawdleDoNotHoldUpOthers() async throws {
        let pods = try DemoPods()
        let port = try pods.port(of: "nginx1")
        // One types, one never reads its answers (some MiB of them, more than the buffers take), one says nothing.
        let typing = Cue()
        let typist = try ScriptedPeer.connect(
            to: port,
            script: [.send("GET / HT"), .wait(typing), .send("TP/1.1\r\n\r\n"), .expect(answer(of: "nginx1"))])
        let body = String(repeating: "b", count: 1 << 16)
        let echo = "POST /echo HTTP/1.1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let deaf = try ScriptedPeer.connect(to: port, options: .tiny, script: [.send(echo), .sendUntilReset])
        let silent = try ScriptedPeer.connect(to: port, script: [.receiveReset])
        for _ in 0..<20 {
            #expect(try await exchange(lastGetRequest, with: port).hasSuffix("nginx1\n"))
        }
        typing.give()
        _ = try await typist.finished()
        withExtendedLifetime((deaf, silent)) {}
    }

    @Test func answersThatAreNotReadHoldTheRequestsBack() async throws {
        let pods = try DemoPods()
        let echo = "POST /echo HTTP/1.1\r\nContent-Length: 65536\r\n\r\n" + String(repeating: "b", count: 65536)
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 65536\r\nX-Pod: a\r\n\r\n"
        let count = 200
        let mayRead = Cue()
        let client = try ScriptedPeer.connect(
            to: pods.port(of: "a"), options: .tiny,
            script: [
                .meanwhile([PeerStep](repeating: .send(echo), count: count)), .wait(mayRead),
            ] + [PeerStep](repeating: .expect(head.utf8.count + 65536), count: count))
        // Without reading it cannot send all of its 12.5 MiB: the pod has stopped taking them.
        var before = -1
        #expect(
            await eventually(every: .milliseconds(300)) {
                let now = client.progress.sent.count
                defer { before = now }
                return now == before
            })
        #expect(client.progress.sent.count < count * echo.utf8.count)
        mayRead.give()
        #expect(try await client.finished().received.count == count * (head.utf8.count + 65536))
    }

    @Test func manyAtOnce() async throws {
        let pods = try DemoPods()
        let port = try pods.port(of: "nginx1")
        let started = Cue()
        let clients = try (0..<200).map { _ in
            try ScriptedPeer.connect(
                to: port,
                script: [
                    .send(getRequest), .expect(answer(of: "nginx1")), .wait(started), .send(lastGetRequest),
                    .expect(answer(of: "nginx1", connection: "close")), .receiveAll,
                ])
        }
        let expected = answer(of: "nginx1").utf8.count
        #expect(await eventually { clients.allSatisfy { $0.progress.received.count == expected } })
        started.give()
        for client in clients { #expect(try await client.finished().sawEnd) }
    }
}
