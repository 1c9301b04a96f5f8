import APITestSupport
import Foundation
import TestSupport
import Testing

@testable import KubernetesAPI

/// What arrives at an API server of what is recorded (docs/behaviour.md, B14.8).
@Suite("Writing events", .timeLimit(.minutes(1))) struct EventRecorderTests {
    private let clock = ManualClock()
    private let complaints = Locked<[String]>([])
    private static let path = "/apis/events.k8s.io/v1/namespaces"

    private func recorder(_ client: some APIClient, node: String = "node1", at seconds: Int64 = 0) -> EventRecorder {
        EventRecorder(
            client, node: node, clock: clock, wallClock: { EventTime(nanoseconds: seconds * 1_000_000_000 + 5_000) },
            complain: { [complaints] text in complaints.withLock { $0.append(text) } })
    }

    private func warning(_ note: String, isOfCluster: Bool = false) -> ClusterEvent {
        ClusterEvent(
            .warning, .service(namespace: "shop", name: "web", uid: "7f3a"), reason: "FailedToOpenPort",
            action: "Listen",
            note: note, isOfCluster: isOfCluster)
    }

    private func body(_ request: APIRequest?) throws -> NSDictionary {
        let bytes = try #require(request?.body)
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary)
    }

    private func names(_ client: ScriptedClient) throws -> [String] {
        try client.requests.map { try #require((try body($0)["metadata"] as? NSDictionary)?["name"] as? String) }
    }

    @Test("An event has all that an API server asks for, and nothing else")
    func shape() async throws {
        let client = ScriptedClient(ManualClock()) { _ in .answer(201, "{}") }
        let recorder = recorder(client, at: 1_767_323_045)
        recorder.record(warning("cannot listen on \"0.0.0.0:30080\":\n\u{1}é"))
        recorder.record(
            ClusterEvent(.normal, .node("node1"), reason: "Starting", action: "StartKubeProxy", note: "hello"))
        let task = Task { await recorder.run() }
        #expect(await eventually { client.requests.count == 2 })
        task.cancel()
        let request = try #require(client.requests.first)
        #expect(request.method == .post && request.path == "\(Self.path)/shop/events")
        #expect(request.contentType == "application/json" && request.patience != nil)
        let name = "web." + String(1_767_323_045_000_005_000, radix: 16)
        let expected: NSDictionary = [
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": ["name": name, "namespace": "shop"],
            "eventTime": "2026-01-02T03:04:05.000005Z", "type": "Warning", "reason": "FailedToOpenPort",
            "action": "Listen", "note": "cannot listen on \"0.0.0.0:30080\":\n\u{1}é",
            "regarding": ["apiVersion": "v1", "kind": "Service", "namespace": "shop", "name": "web", "uid": "7f3a"],
            "reportingController": "portico", "reportingInstance": "portico-node1",
        ]
        #expect(try body(request) == expected)
        // A Node is in no namespace, and its uid is its name.
        #expect(client.requests.last?.path == "\(Self.path)/default/events")
        #expect(
            try body(client.requests.last)["regarding"] as? NSDictionary == [
                "apiVersion": "v1", "kind": "Node", "name": "node1", "uid": "node1",
            ])
        #expect(complaints.withLock { $0 } == [])
    }

    @Test("Texts are cut to what an API server takes, in whole characters")
    func lengths() async throws {
        let client = ScriptedClient(ManualClock()) { _ in .answer(201, "{}") }
        let node = String(repeating: "n", count: 253)
        let recorder = recorder(client, node: node)
        recorder.record(
            ClusterEvent(
                .warning, .node(node), reason: "Test", action: "Test", note: String(repeating: "ü", count: 600)))
        let task = Task { await recorder.run() }
        #expect(await eventually { client.requests.count == 1 })
        task.cancel()
        let made = try body(client.requests.first)
        let note = try #require(made["note"] as? String)
        #expect(note.utf8.count <= 1_024 && note.utf8.count > 1_015 && note.hasPrefix("üü") && note.hasSuffix("ü…"))
        #expect((made["reportingInstance"] as? String)?.utf8.count == 128)
        #expect(try names(client)[0].utf8.count <= 253)
    }

    @Test("Names are never used twice, but for what is so for every node")
    func uniqueness() async throws {
        let client = ScriptedClient(ManualClock()) { _ in .answer(201, "{}") }
        let (one, other) = (recorder(client), recorder(client, node: "node2", at: 60))
        for recorder in [one, other] {
            recorder.record(warning("a"))
            recorder.record(warning("b"))
            recorder.record(warning("everywhere", isOfCluster: true))
        }
        let tasks = [one, other].map { recorder in Task { await recorder.run() } }
        #expect(await eventually { client.requests.count == 6 })
        for task in tasks { task.cancel() }
        let names = try names(client)
        #expect(Set(names).count == 5)
        #expect(names.allSatisfy { $0.hasPrefix("web.") })
    }

    @Test("Nobody waits for a server that is silent, and what waits for it ends with the task")
    func silence() async throws {
        let client = ScriptedClient(ManualClock()) { _ in .silence }
        let recorder = recorder(client)
        let task = Task { await recorder.run() }
        recorder.record(warning("first"))
        #expect(await eventually { client.requests.count == 1 })
        for number in 0..<1_000 { recorder.record(warning("\(number)")) }
        task.cancel()
        await task.value
        #expect(client.requests.count == 1 && complaints.withLock { $0 } == [])
    }

    @Test("A repeat is left out")
    func repeats() async throws {
        let client = ScriptedClient(ManualClock()) { _ in .answer(201, "{}") }
        let recorder = recorder(client)
        for note in ["a", "a", "b", "a"] { recorder.record(warning(note)) }
        let task = Task { await recorder.run() }
        #expect(await eventually { client.requests.count == 2 })
        clock.advance(by: EventLimits.silence)
        recorder.record(warning("a"))
        #expect(await eventually { client.requests.count == 3 })
        task.cancel()
        let notes = try client.requests.map { try body($0)["note"] as? String }
        #expect(notes == ["a", "b", "a"])
    }

    @Test("More than a burst come one after another, and those that there was no room for never")
    func pace() async throws {
        let client = ScriptedClient(ManualClock()) { _ in .answer(201, "{}") }
        let recorder = recorder(client)
        for number in 0..<100 { recorder.record(warning("\(number)")) }
        let task = Task { await recorder.run() }
        for count in EventLimits.burst...EventRecorder.room {
            #expect(await eventually { client.requests.count == count })
            if count == EventRecorder.room { break }
            #expect(await eventually { clock.sleepers == 1 })
            clock.advance(by: EventLimits.period)
        }
        let notes = try client.requests.map { try body($0)["note"] as? String }
        #expect(notes == (0..<EventRecorder.room).map { "\($0)" })
        // One that there was no room for was not said, and may be now.
        recorder.record(warning("99"))
        #expect(await eventually { clock.sleepers == 1 })
        clock.advance(by: EventLimits.period)
        #expect(await eventually { client.requests.count == EventRecorder.room + 1 })
        #expect(try client.requests.last.map { try body($0)["note"] as? String } == "99")
        task.cancel()
    }

    @Test("What a server refuses is given up at once and said once", arguments: [400, 403, 404, 422])
    func refused(status: Int) async throws {
        let client = ScriptedClient(ManualClock()) { _ in
            .answer(status, #"{"kind":"Status","message":"no such thing","code":\#(status)}"#)
        }
        let recorder = recorder(client)
        recorder.record(warning("a"))
        recorder.record(warning("b"))
        let task = Task { await recorder.run() }
        #expect(await eventually { client.requests.count == 2 })
        client.script { _ in .answer(201, "{}") }
        recorder.record(warning("c"))
        #expect(await eventually { client.requests.count == 3 }, "it may be permitted by now")
        task.cancel()
        #expect(complaints.withLock { $0.count } == 1)
        #expect(
            complaints.withLock { $0[0] }.contains("(\(status)") || complaints.withLock { $0[0] }.contains("\(status) ")
        )
        #expect(clock.sleeps == 0)
    }

    @Test(
        "A server that has too much to do, or cannot be reached, is asked twice more and no further",
        arguments: [
            ScriptedClient.Script.answer(429, "slow down"), .answer(503, ""), .failure(.unreachable("no route")),
            .failure(.silent("nothing in 10 s")),
        ])
    func failed(script: ScriptedClient.Script) async throws {
        let client = ScriptedClient(ManualClock()) { _ in script }
        let recorder = recorder(client)
        recorder.record(warning("a"))
        let task = Task { await recorder.run() }
        for (index, pause) in EventRecorder.pauses.enumerated() {
            #expect(await eventually { client.requests.count == index + 1 && clock.sleepers == 1 })
            clock.advance(by: pause)
        }
        #expect(await eventually { complaints.withLock { $0.count } == 1 })
        #expect(client.requests.count == 3 && Set(client.requests).count == 1, "by one name: it may have been written")
        task.cancel()
    }

    @Test("That it is there already is as good as having written it", arguments: [409, 200, 201])
    func isThere(status: Int) async throws {
        let client = ScriptedClient(ManualClock()) { _ in .answer(status, "{}") }
        let recorder = recorder(client)
        recorder.record(warning("a"))
        recorder.record(warning("b"))
        let task = Task { await recorder.run() }
        #expect(await eventually { client.requests.count == 2 })
        task.cancel()
        #expect(complaints.withLock { $0 } == [])
    }

    @Test("Over the wire, with credentials and a body")
    func wire() async throws {
        let server = try await secureServer()
        server.on("POST", "\(Self.path)/shop/events", .answer(201, "{}"))
        let recorder = recorder(try await client(of: server.port, token: "secret"))
        recorder.record(warning("a"))
        let task = Task { await recorder.run() }
        #expect(await eventually { server.requests.count == 1 })
        task.cancel()
        let request = try #require(server.requests.first)
        #expect(request.header("content-type") == "application/json")
        #expect(request.header("authorization") == "Bearer secret")
        #expect(try JSONSerialization.jsonObject(with: Data(request.body)) is NSDictionary)
    }
}
