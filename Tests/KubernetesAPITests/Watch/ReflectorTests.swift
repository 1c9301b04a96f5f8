import Objects
import Testing

@testable import KubernetesAPI

@Suite("A reflector")
struct ReflectorTests {
    private let web = Rig.web

    @Test("It lists what the server has at hand, and watches from there")
    func listAndWatch() {
        var rig = Rig()
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&resourceVersion=0")
        rig.answer(listJSON([web], version: 9).utf8)
        #expect(rig.names == ["web"])
        #expect(rig.reflector.hasSynced)
        let watch = rig.ask()
        #expect(watch["watch"] == "true" && watch["resourceVersion"] == "9" && watch["allowWatchBookmarks"] == "true")
        #expect(watch["timeoutSeconds"].flatMap { Int($0) }.map { (300...600).contains($0) } == true)
        rig.answer(eventJSON("ADDED", serviceJSON("db", version: 10)).utf8, .none)
        rig.more(eventJSON("DELETED", serviceJSON("web", version: 11)).utf8)
        #expect(rig.objects[ObjectID(.service, ObjectKey(namespace: "default", name: "web"))] == .some(nil))
        rig.now += .seconds(400)
        rig.more("".utf8, .declared)
        // It ended as it should: it goes on from there at once, and lists nothing.
        #expect(rig.ask()["resourceVersion"] == "11")
        #expect(rig.waited == .zero && rig.outage == nil)
    }

    @Test("The time that a watch is to last is spread")
    func spread() {
        let times = (0..<40).map { (seed: UInt64) in
            var rig = Rig(seed: seed)
            _ = rig.ask()
            rig.answer(listJSON([], version: 1).utf8)
            return rig.ask()["timeoutSeconds"]
        }
        #expect(Set(times).count > 20)
    }

    @Test("Pages are put together, and the watch begins at the version of the first")
    func pages() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9, continuation: "abc").utf8)
        #expect(!rig.reflector.hasSynced)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&continue=abc")
        rig.answer(listJSON([serviceJSON("db", version: 7, kind: "")], version: 9).utf8)
        #expect(rig.names == ["db", "web"])
        #expect(rig.ask()["resourceVersion"] == "9")
    }

    @Test("What is missing from a new list is gone, and what is the same is not told again")
    func differences() {
        var rig = Rig()
        _ = rig.ask()
        let others = (0..<50).map { serviceJSON("s\($0)", version: 3, kind: "") }
        rig.answer(listJSON(others + [web], version: 9).utf8)
        #expect(rig.changes == 51)
        rig.reflector.reread()
        #expect(rig.ask()["resourceVersion"] == "9")
        rig.answer(listJSON(others + [serviceJSON("new", version: 12, kind: "")], version: 12).utf8)
        #expect(rig.changes == 2)
        #expect(rig.objects[ObjectID(.service, ObjectKey(namespace: "default", name: "web"))] == .some(nil))
    }

    @Test("An event of a version that is known already is no change")
    func replay() {
        var rig = Rig.watching()
        rig.answer(eventJSON("MODIFIED", serviceJSON("web", version: 10)).utf8, .broken)
        #expect(rig.changes == 1)
        #expect(rig.ask()["resourceVersion"] == "10")
        rig.answer(eventJSON("MODIFIED", serviceJSON("web", version: 10)).utf8, .none)
        #expect(rig.changes == 0)
    }

    // MARK: What the server no longer knows

    @Test("A watch that has expired costs one list, of what is known or newer", arguments: [true, false])
    func expiredWatch(_ asEvent: Bool) {
        var rig = Rig.watching()
        let status = statusJSON(410, reason: "Expired", message: "too old resource version: 9 (400)")
        if asEvent { rig.answer(eventJSON("ERROR", status).utf8) } else { rig.answer(410, status.utf8) }
        #expect(rig.ask().line == "GET /api/v1/services?resourceVersion=9")
        #expect(rig.waited > .zero && rig.outage == nil)
        rig.answer(listJSON([web], version: 400).utf8)
        #expect(rig.ask()["resourceVersion"] == "400")
    }

    @Test("A list that has expired is asked for as it is now")
    func expiredList() {
        var rig = Rig.watching()
        rig.answer(410, statusJSON(410, reason: "Expired").utf8)
        _ = rig.ask()
        rig.answer(410, statusJSON(410, reason: "Expired").utf8)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500")
    }

    @Test("Pages that have expired are asked for all in one")
    func expiredPage() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9, continuation: "abc").utf8)
        _ = rig.ask()
        rig.answer(410, statusJSON(410, reason: "Expired").utf8)
        #expect(rig.ask().line == "GET /api/v1/services")
        // What was on the page before may be gone by now.
        rig.answer(listJSON([], version: 20).utf8)
        #expect(rig.objects.values.compactMap(\.self).isEmpty)
    }

    @Test("A version of the future is given up: the server was put back, or another one is ahead")
    func futureVersion() {
        var rig = Rig.watching()
        rig.answer(410, statusJSON(410).utf8)
        _ = rig.ask()
        rig.answer(504, retryAfter: "1", statusJSON(504, reason: "Timeout", cause: "ResourceVersionTooLarge").utf8)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500")
        rig.answer(listJSON([web], version: 4).utf8)
        #expect(rig.ask()["resourceVersion"] == "4")
    }

    @Test("Two watches in a row that are silent where there were bookmarks lead to a list")
    func silentWatches() {
        var rig = Rig.watching()
        rig.answer(bookmarkJSON(10).utf8, .none)
        for _ in 0..<2 {
            rig.now += .seconds(150)
            rig.reflector.fail(.silent("it was silent"), at: rig.now)
            #expect(rig.outage == nil)
            let request = rig.ask()
            #expect(request["resourceVersion"] == "10")
            if !request.isWatch { return }
            rig.answer("".utf8, .none)
        }
        Issue.record("it never listed")
    }

    @Test("Without bookmarks silence means nothing: the watch is begun anew")
    func silenceWithoutBookmarks() {
        var rig = Rig.watching()
        for _ in 0..<5 {
            rig.answer("".utf8, .none)
            rig.now += .seconds(150)
            rig.reflector.fail(.silent("silent"), at: rig.now)
            #expect(rig.ask()["resourceVersion"] == "9")
            #expect(rig.waited == .zero && rig.outage == nil)
        }
    }

    @Test("The client is told how long the server may be silent, and a server that does not answer is told")
    func patience() {
        var rig = Rig()
        #expect(rig.ask().patience == .seconds(60))
        rig.reflector.fail(.silent("10.0.0.1:6443 has not answered for 60 s"), at: rig.now)
        #expect(rig.outage == "10.0.0.1:6443 has not answered for 60 s")
        _ = rig.ask()
        rig.answer(listJSON([], version: 9).utf8)
        #expect(rig.ask().patience == .seconds(150))
    }

    // MARK: Streaming lists

    @Test("A streaming list is told at its end, and becomes the watch")
    func streaming() {
        var rig = Rig(mayStream: true)
        let request = rig.ask()
        #expect(request["sendInitialEvents"] == "true" && request["resourceVersionMatch"] == "NotOlderThan")
        #expect(request["resourceVersion"] == nil && request["allowWatchBookmarks"] == "true")
        // Its order is by name, not by version.
        rig.answer(
            (eventJSON("ADDED", serviceJSON("a", version: 8)) + eventJSON("ADDED", serviceJSON("b", version: 3))).utf8,
            .none)
        #expect(!rig.reflector.hasSynced)
        rig.more(bookmarkJSON(9, endsList: true).utf8)
        #expect(rig.reflector.hasSynced && rig.names == ["a", "b"])
        rig.more(eventJSON("MODIFIED", serviceJSON("b", version: 10)).utf8, .broken)
        #expect(rig.changes == 1)
        #expect(rig.ask()["resourceVersion"] == "10")
    }

    @Test(
        "A server that cannot stream a list is asked for an ordinary one at once, and not again",
        arguments: [
            (422, statusJSON(422, reason: "Invalid", message: "sendInitialEvents is forbidden")), (400, ""), (404, ""),
            (403, statusJSON(403)), (200, eventJSON("ERROR", statusJSON(500, reason: "InternalError"))),
        ])
    func noStreams(_ status: Int, _ body: String) {
        var rig = Rig(mayStream: true)
        _ = rig.ask()
        rig.answer(status, body.utf8)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&resourceVersion=0")
        #expect(rig.waited == .zero && rig.outage == nil)
        rig.answer(listJSON([web], version: 9).utf8)
        rig.reflector.reread()
        #expect(!rig.ask().isWatch)
    }

    @Test("A server that fails at a stream is asked for an ordinary list, and for streams again unless only those fail")
    func failedStreams() {
        var rig = Rig(mayStream: true)
        let error = statusJSON(500, reason: "InternalError", message: "etcdserver: leader changed")
        var version = 9
        func isStream(_ request: APIRequest) -> Bool { request["sendInitialEvents"] == "true" }
        // It is in trouble for a while, and then it is not.
        for round in 0..<5 {
            #expect(isStream(rig.ask()), "\(round)")
            rig.answer(500, error.utf8)
            for _ in 0..<3 {
                #expect(!isStream(rig.ask()))
                rig.answer(500, error.utf8)
            }
            #expect(!isStream(rig.ask()))
            version += 1
            rig.answer(listJSON([web], version: version).utf8)
            #expect(rig.names == ["web"] && rig.outage == nil)
            rig.reflector.reread()
            #expect(isStream(rig.ask()))
            rig.answer(
                (eventJSON("ADDED", serviceJSON("web", version: 9)) + bookmarkJSON(version, endsList: true)).utf8, .none
            )
            rig.reflector.reread()
        }
        // It answers everything but streams.
        for _ in 0..<3 {
            #expect(isStream(rig.ask()))
            rig.answer(500, error.utf8)
            #expect(rig.ask().line.hasPrefix("GET /api/v1/services") && rig.waited == .zero && rig.outage == nil)
            version += 1
            rig.answer(listJSON([web], version: version).utf8)
            rig.reflector.reread()
        }
        #expect(!isStream(rig.ask()))
    }

    @Test("A server that takes a streaming list for an ordinary watch is noticed by its silence")
    func ignoredStream() {
        var rig = Rig(mayStream: true)
        #expect(rig.ask().patience == .seconds(150))
        rig.answer(eventJSON("ADDED", serviceJSON("a", version: 8)).utf8, .none)
        rig.now += .seconds(150)
        rig.reflector.fail(.silent("silent"), at: rig.now)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&resourceVersion=0")
        #expect(rig.outage == nil)
    }

    @Test("A streaming list that breaks off twice is given up for an ordinary one")
    func brokenStreams() {
        var rig = Rig(mayStream: true)
        for _ in 0..<2 {
            #expect(rig.ask().isWatch)
            rig.answer(eventJSON("ADDED", serviceJSON("a", version: 8)).utf8, .broken)
        }
        #expect(!rig.ask().isWatch)
    }
}
