import Objects
import Testing

@testable import KubernetesAPI

@Suite("A reflector whose server fails")
struct ReflectorFailureTests {
    private let web = Rig.web

    @Test("A broken watch goes on where it was, and nobody hears of it", arguments: [Rig.Ending.broken, .declared])
    func broken(_ ending: Rig.Ending) {
        var rig = Rig.watching()
        rig.answer(bookmarkJSON(70).utf8, .none)
        rig.now += .seconds(5)
        rig.more("{\"type\":\"MODI".utf8, ending)
        #expect(rig.outage == nil)
        let request = rig.ask()
        #expect(request.isWatch && request["resourceVersion"] == "70")
    }

    /// How many requests an hour brings, if each watch lasts so long and brings so much.
    private func requestsPerHour(_ lasting: (APIRequest) -> Duration, _ body: String = "") -> Int {
        var (rig, count) = (Rig.watching(), 0)
        let end = rig.now + .seconds(3600)
        var request = rig.ask()
        while rig.now < end {
            count += 1
            rig.answer("".utf8, .none)
            rig.now += lasting(request)
            rig.more(body.utf8, .declared)
            request = rig.ask()
        }
        return count
    }

    @Test("Watches that end at once are waited between, whatever they bring", arguments: ["", bookmarkJSON(70)])
    func shortWatches(_ body: String) {
        #expect(requestsPerHour({ _ in .milliseconds(5) }, body) < 260)
    }

    @Test("Where nothing changes there are a dozen requests an hour at most")
    func quietHour() {
        #expect((6...12).contains(requestsPerHour { .seconds($0["timeoutSeconds"].flatMap { Int($0) } ?? 0) }))
    }

    @Test(
        "Watches that something on the way cuts again and again go on at once",
        arguments: [Rig.Ending.broken, .declared], [20, 40, 60])
    func regularCuts(_ ending: Rig.Ending, _ seconds: Int) {
        var rig = Rig.watching()
        for _ in 0..<9 {
            rig.reflector.fail(.unreachable("connection refused"), at: rig.now)
            _ = rig.ask()
        }
        for _ in 0..<50 {
            rig.answer("".utf8, .none)
            rig.now += .seconds(seconds)
            rig.more("".utf8, ending)
            _ = rig.ask()
            #expect(rig.waited == .zero && rig.outage == nil)
        }
    }

    @Test("Watches that end at once are told from the third on, once, until one lasts")
    func shortWatchesAreTold() {
        var rig = Rig.watching()
        var told: [String?] = []
        for _ in 0..<9 {
            rig.answer("".utf8, .none)
            told.append(rig.outage)
            rig.more("".utf8, .declared)
            told.append(rig.outage)
            _ = rig.ask()
        }
        #expect(told.prefix(5).allSatisfy { $0 == nil })
        #expect(Set(told.dropFirst(5)) == ["watches of Services end at once"])
        rig.answer("".utf8, .none)
        rig.now += .seconds(60)
        rig.more(bookmarkJSON(80).utf8)
        #expect(rig.outage == nil)
    }

    @Test("A watch that is refused as soon as it has begun is told once, not each time it is tried")
    func refusedEvents() {
        var (rig, told) = (Rig.watching(), [String?]())
        for _ in 0..<9 {
            rig.answer("".utf8, .none)
            told.append(rig.outage)
            rig.more(eventJSON("ERROR", statusJSON(503, message: "etcd is away")).utf8)
            if !rig.ask().isWatch {
                rig.answer(listJSON([web], version: 9).utf8)
                _ = rig.ask()
            }
        }
        #expect(Set(told.dropFirst()) == ["it answers 503 (etcd is away)"])
    }

    @Test("A server that forgets every version at once is asked for lists ever less, and that is told")
    func expiresAgainAndAgain() {
        var (rig, lists) = (Rig.watching(), 0)
        let end = rig.now + .seconds(3600)
        while rig.now < end {
            rig.answer(eventJSON("ERROR", statusJSON(410, reason: "Expired", message: "too old")).utf8)
            #expect(!rig.ask().isWatch)
            lists += 1
            rig.answer(listJSON([web], version: 9).utf8)
            #expect(rig.ask().isWatch)
        }
        #expect(lists < 260)
        #expect(rig.outage == "watches of Services end at once: it answers 410 (too old)")
    }

    @Test("A list of nothing, as Go writes it, means that there is nothing")
    func nullItems() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9).utf8)
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(#"{"kind":"ServiceList","metadata":{"resourceVersion":"12"},"items":null}"#.utf8)
        #expect(rig.outage == nil && rig.reflector.version == "12")
        #expect(rig.objects.values.compactMap(\.self).isEmpty)
    }

    @Test("A server that cannot be reached is asked less and less, and what is known stays")
    func unreachable() {
        var rig = Rig.watching()
        var waits: [Duration] = []
        for _ in 0..<12 {
            rig.reflector.fail(.unreachable("10.0.0.1:6443: connection refused"), at: rig.now)
            #expect(rig.ask().isWatch)
            waits.append(rig.waited)
        }
        #expect(rig.outage == "10.0.0.1:6443: connection refused")
        #expect((Duration.milliseconds(800)...Duration.milliseconds(1600)).contains(waits[0]))
        for wait in waits.dropFirst(6) { #expect((Duration.seconds(15)...Duration.seconds(30)).contains(wait)) }
        #expect(rig.names == ["web"])
        rig.answer("".utf8, .none)
        #expect(rig.outage == nil)
    }

    @Test("A server that asks for time gets it", arguments: [(429, "7", 7), (503, "100000", 120), (429, "soon", 0)])
    func retryAfter(_ status: Int, _ header: String, _ seconds: Int) {
        var rig = Rig.watching()
        rig.answer(status, retryAfter: header, "Too many requests, please try again later.".utf8)
        #expect(rig.outage == "it answers \(status) (Too many requests, please try again later.)")
        #expect(rig.ask()["resourceVersion"] == "9")
        #expect(rig.waited >= .seconds(seconds) && rig.waited < .seconds(seconds + 2))
    }
}
