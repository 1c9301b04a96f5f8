import Base
import Objects
import Testing

@testable import KubernetesAPI

@Suite("An API server that lies")
struct HostileServerTests {
    private func watching(_ items: [String] = []) -> Rig {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON(items, version: 9).utf8)
        _ = rig.ask()
        return rig
    }

    private func problems(_ rig: Rig) -> [String] { rig.reflector.ledger.problems.map(\.description) }

    @Test("An object that cannot be read is named, and the others go on")
    func malformed() {
        var rig = watching([serviceJSON("web", version: 5, kind: "")])
        rig.answer(
            (eventJSON("MODIFIED", serviceJSON("web", version: 10, port: "\"http\""))
                + eventJSON("ADDED", serviceJSON("new", version: 11, port: "0"))
                + eventJSON("ADDED", serviceJSON("db", version: 12))).utf8, .none)
        #expect(
            problems(rig) == [
                "Service default/new: spec.ports[0].port: expected a number from 1 to 65535, found 0; it is left out until "
                    + "it is mended",
                "Service default/web: spec.ports[0].port: expected a number from 1 to 65535, found \"http\"; it stays as it "
                    + "was before",
            ])
        #expect(rig.names == ["db", "web"])
        #expect(rig.reflector.version == "12" && rig.outage == nil)
        // Listed again it is no news.
        rig.reflector.reread()
        _ = rig.ask()
        let broken = serviceJSON("new", version: 11, port: "0", kind: "")
        rig.answer(listJSON([serviceJSON("web", version: 20, kind: ""), broken], version: 20).utf8)
        #expect(problems(rig).count == 1)
        _ = rig.ask()
        rig.answer(eventJSON("DELETED", serviceJSON("new", version: 21)).utf8, .none)
        #expect(problems(rig) == [])
        #expect(rig.changes == 0)
    }

    @Test("An event that is no JSON is named as far as that can be, and the next one is read")
    func broken() {
        var rig = watching()
        let cut = serviceJSON("web", version: 10).replacing("\"spec\":", with: "\"spec\"")
        rig.answer((eventJSON("ADDED", cut) + eventJSON("ADDED", serviceJSON("db", version: 11))).utf8, .none)
        #expect(
            problems(rig) == [
                "Service default/web: not valid JSON: expected a colon, found {; it is left out until it is mended"
            ])
        #expect(rig.names == ["db"])
    }

    @Test(
        "An event of an unknown kind is named and passed over",
        arguments: [
            (
                "{\"type\":\"MOVED\",\"object\":{\"metadata\":{\"name\":\"web\"}}}",
                "Service default/web: expected an event of a known type"
            ),
            ("{\"type\":\"ADDED\",\"object\":[]}", "an object without a name"),
            ("{\"type\":\"ADDED\"}", "an object without a name"),
            ("{\"type\":7,\"object\":{}}", "an object without a name"), ("{\"a\":[1]}", "an object without a name"),
            (
                "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\",\"metadata\":{\"name\":\"a\"}}}",
                "Service default/a: kind: expected Service"
            ),
            ("{\"type\":\"DELETED\",\"object\":3}", ""),
        ])
    func unknownEvents(_ event: String, _ beginning: String) {
        var rig = watching()
        rig.answer((event + "\n" + eventJSON("ADDED", serviceJSON("db", version: 11))).utf8, .none)
        #expect(problems(rig).first?.hasPrefix(beginning) ?? beginning.isEmpty, "\(problems(rig))")
        #expect(rig.names == ["db"])
    }

    @Test("What it writes is told in one short line")
    func longTexts() {
        var rig = watching()
        let text = "\"" + String(repeating: "x\\n", count: 100_000) + "\""
        rig.answer(eventJSON("ADDED", serviceJSON("web", version: 10, port: text)).utf8, .none)
        #expect(problems(rig).allSatisfy { $0.count < 500 && !$0.contains(where: \.isNewline) })
        #expect(problems(rig).count == 1)
    }

    @Test("What terminals obey, and what turns a line around, is left out of it, and one character may be long")
    func shortened() {
        #expect("a\u{1B}[31mb\u{202E}c\u{200B}d\u{0}e".shortened(to: 30) == "ab c d e")
        #expect("a\r\nb\tc\u{2028}d".shortened(to: 30) == "a b c d")
        #expect("abc".shortened(to: 3) == "abc" && "abcd".shortened(to: 3) == "abc…")
        let letter = "e" + String(repeating: "\u{301}", count: 100_000)
        #expect(letter.count == 1 && letter.shortened(to: 10).unicodeScalars.count == 11)
    }

    @Test(
        "Objects that cannot be read go on being told, whatever cannot be read after them, and others when they are over"
    )
    func flood() {
        var rig = watching()
        rig.answer("".utf8, .none)
        for number in 0..<30 {
            rig.more(eventJSON("ADDED", serviceJSON("s\(70 - number)", version: 100 + number, port: "0")).utf8)
        }
        let first = problems(rig)
        #expect(first.count == 21 && first[0].hasPrefix("Service default/s51:"))
        #expect(first.last == "10 more objects cannot be read")
        rig.more(eventJSON("DELETED", serviceJSON("s60", version: 200)).utf8)
        #expect(problems(rig).count == 21 && problems(rig).last == "9 more objects cannot be read")
        #expect(Set(problems(rig)).isSuperset(of: first.dropLast().filter { !$0.contains("s60:") }))
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(listJSON([], version: 300).utf8)
        #expect(problems(rig).isEmpty)
    }

    @Test("A name that no object can have is not remembered")
    func endlessNames() {
        var rig = watching()
        rig.answer("".utf8, .none)
        let name = String(repeating: "x", count: 1000)
        rig.more((eventJSON("ADDED", serviceJSON(name, version: 10)) + eventJSON("MOVED", "{}")).utf8)
        #expect(problems(rig).count == 1 && rig.reflector.ledger.count == 0)
    }

    @Test("Very many broken objects are told in few lines")
    func manyBroken() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON((0..<500).map { serviceJSON("s\($0)", version: 3, port: "0", kind: "") }, version: 9).utf8)
        #expect(problems(rig).count == 21)
        #expect(problems(rig).last == "480 more objects cannot be read")
    }

    @Test("An object of a gigabyte is not read, and takes no memory")
    func huge() {
        var rig = watching([serviceJSON("web", version: 5, kind: "")])
        rig.answer(
            "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"a\":\""
                .utf8, .none)
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<20 {
            let isWanted = rig.reflector.receive(piece, at: rig.now)
            #expect(isWanted)
            #expect(rig.reflector.cutter.held <= 10 << 20)
        }
        rig.more(("\"}}\n" + eventJSON("ADDED", serviceJSON("db", version: 11))).utf8)
        #expect(problems(rig) == ["Service default/web: larger than 8 MiB, and so not read; it stays as it was before"])
        #expect(rig.names == ["db", "web"])
    }

    @Test("An object without end ends the watch, which goes on from where it was")
    func endless() {
        var rig = watching()
        rig.answer("{\"a\":\"".utf8, .none)
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        var count = 0
        while count < 1024, rig.reflector.receive(piece, at: rig.now) { count += 1 }
        #expect(count < 80)
        #expect(rig.outage == "it sends Services without end")
        #expect(rig.ask()["resourceVersion"] == "9")
    }

    @Test("A list without end is given up")
    func endlessList() {
        var rig = Rig()
        rig.reflector = Reflector(
            [WatchedResource(.service)], random: SystemRandomNumberGenerator(), ledger: ObjectLedger(most: 100))
        rig.reflector.mayStream = false
        for page in 0..<200 {
            _ = rig.ask()
            rig.answer(
                listJSON([serviceJSON("s\(page)", version: 3, kind: "")], version: 9, continuation: "p\(page)").utf8)
            if rig.outage != nil { break }
        }
        #expect(rig.outage == "it has more than 100 Services")
        #expect(!rig.reflector.hasSynced)
    }

    @Test("The same page again and again is given up")
    func samePage() {
        var rig = Rig()
        for _ in 0..<5 where rig.outage == nil {
            _ = rig.ask()
            rig.answer(listJSON([], version: 9, continuation: "same").utf8)
        }
        #expect(rig.outage == "its list of Services has no end")
    }

    @Test("A watch that goes back in time is not believed")
    func backInTime() {
        var rig = watching()
        rig.answer((bookmarkJSON(50) + eventJSON("ADDED", serviceJSON("old", version: 40))).utf8, .none)
        #expect(rig.outage == "it went back from resourceVersion 50 to 40 of Services")
        #expect(rig.names.isEmpty)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500")
        // Asked for what there is now, it may say what it likes: it may have been put back.
        rig.answer(listJSON([], version: 30).utf8)
        #expect(rig.outage == nil && rig.reflector.version == "30")
    }

    @Test("A list that is older than what was asked for is not believed")
    func oldList() {
        var rig = watching([serviceJSON("web", version: 5, kind: "")])
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(listJSON([], version: 8).utf8)
        #expect(rig.outage == "it went back from resourceVersion 9 to 8 of Services")
        #expect(rig.objects.values.compactMap(\.self).count == 1)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500")
    }

    @Test(
        "A list that is none is refused, with what was expected, and nothing is forgotten",
        arguments: [
            ("<html>Sign in</html>", "expected JSON, found \"<html>Sign in</html>\""),
            ("{\"kind\":\"Status\",\"code\":200}", "expected a ServiceList, found \"Status\""),
            ("{\"kind\":\"ServiceList\",\"items\":[]}", "its list of Services has no resourceVersion"),
            (
                "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"12\"}}",
                "its list of Services has no items"
            ),
            (
                "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"12\"},\"items\":{}}",
                "its list of Services has no items"
            ),
            ("{\"kind\":\"ServiceList\",\"items\":[", "its list of Services broke off"),
            ("", "its list of Services broke off"),
            ("{\"kind\":\"ServiceList\" 7}", "its list of Services is no JSON"),
        ])
    func noList(_ body: String, _ text: String) {
        var rig = watching([serviceJSON("web", version: 5, kind: "")])
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(body.utf8)
        #expect(rig.outage == text)
        #expect(rig.objects.values.compactMap(\.self).count == 1)
    }

    @Test("Elements of another list, or of an older one, are not taken for objects")
    func elementsOfAnotherList() {
        var rig = watching([serviceJSON("web", version: 5, kind: "")])
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(listJSON([serviceJSON("pod", version: 12, kind: "")], version: 12, kind: "PodList").utf8)
        #expect(rig.outage == "expected a ServiceList, found \"PodList\"" && rig.names == ["web"])
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(listJSON([serviceJSON("web", version: 3, port: "1", kind: "")], version: 4).utf8)
        #expect(rig.outage == "it went back from resourceVersion 9 to 4 of Services")
        #expect(rig.changes == 0)
    }

    @Test("A list that comes drop by drop is given up, and so is a watch that does not end when it was asked to")
    func drops() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(#"{"kind":"ServiceList","metadata":{"resourceVersion":"9"},"items":["#.utf8, .none)
        for _ in 0..<100 where rig.outage == nil {
            rig.now += .seconds(50)
            rig.more(" ".utf8)
        }
        #expect(rig.outage == "its list of Services does not end" && rig.now < .seconds(1000))
        rig = watching()
        let start = rig.now
        rig.answer("".utf8, .none)
        var isWanted = true
        while isWanted, rig.now - start < .seconds(5000) {
            rig.now += .seconds(50)
            isWanted = rig.reflector.receive([0x0A], at: rig.now)
        }
        #expect(rig.now - start <= .seconds(710) && rig.outage == nil)
        #expect(rig.ask().isWatch && rig.waited == .zero)
    }

    @Test("A streaming list without a version is none")
    func streamWithoutVersion() {
        var rig = Rig(mayStream: true)
        _ = rig.ask()
        let end = #"{"kind":"Service","metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}"#
        rig.answer((eventJSON("ADDED", serviceJSON("web", version: 5)) + eventJSON("BOOKMARK", end)).utf8, .none)
        #expect(!rig.reflector.hasSynced && rig.reflector.isUnknown)
    }

    @Test("A redirect is not followed")
    func redirect() {
        var rig = watching()
        rig.answer(302, "".utf8)
        #expect(rig.outage == "it answers 302, a redirect, which is not followed")
    }

    @Test("The body of a refusal is read as far as it can be of use")
    func endlessRefusal() {
        var rig = watching()
        rig.reflector.begin(status: 500, retryAfter: nil, at: rig.now)
        var count = 0
        while count < 1000, rig.reflector.receive([UInt8](repeating: 0x41, count: 1000), at: rig.now) { count += 1 }
        #expect(count < 100)
        #expect((rig.outage ?? "").count < 300)
    }

    @Test("Of megabytes of text, on however many lines, a beginning is looked at")
    func beginning() {
        #expect("a\nb".shortened(to: 60) == "a b" && "".shortened(to: 60) == "")
        #expect(String(repeating: "x", count: 60).shortened(to: 60) == String(repeating: "x", count: 60))
        #expect(String(repeating: "x", count: 61).shortened(to: 60) == String(repeating: "x", count: 60) + "…")
        // What comes behind megabytes of nothing is not gone for.
        #expect((String(repeating: "\n", count: 4 << 20) + "x").shortened(to: 60) == "…")
    }
}
