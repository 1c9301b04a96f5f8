import Testing

@testable import KubernetesAPI

@Suite("Cutting JSON that comes in pieces")
struct JSONCutterTests {
    struct Outcome: Equatable {
        var values: [String] = []
        var failure: JSONCutter.Failure?
        var envelope = ""
        var isComplete = false
    }

    static func cut(_ text: String, _ form: JSONScan.Form, size: Int = .max, largest: Int = 100) -> Outcome {
        var (cutter, outcome) = (JSONCutter(form, largestValue: largest), Outcome())
        var rest = Array(text.utf8)[...]
        do throws(JSONCutter.Failure) {
            while !rest.isEmpty {
                cutter.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
                while let value = try cutter.next({ words($0) }) { outcome.values.append(value) }
            }
        } catch {
            outcome.failure = error
        }
        outcome.envelope = String(decoding: cutter.envelope, as: UTF8.self)
        outcome.isComplete = cutter.isComplete
        return outcome
    }

    private static func words(_ piece: JSONCutter.Piece) -> String {
        switch piece {
        case .whole(let text): String(decoding: text, as: UTF8.self)
        case .tooLarge(let head): "too large: " + String(decoding: head.prefix(9), as: UTF8.self)
        }
    }

    static let streams: [(String, [String])] = [
        ("{\"a\":1}\n{\"b\":2}\n", ["{\"a\":1}", "{\"b\":2}"]),
        ("{\"a\":1}{\"b\":{}}", ["{\"a\":1}", "{\"b\":{}}"]),
        (" \r\n\t{\"a\":\"}{\\\"\\\\\"} ", ["{\"a\":\"}{\\\"\\\\\"}"]),
        ("{\"a\":[{},[\"]\"]]}", ["{\"a\":[{},[\"]\"]]}"]),
        ("{\"a\":1}{\"b\":", ["{\"a\":1}"]),
        // A quote is missing: the line is lost, and no other.
        ("{\"a\":\"b}\n{\"c\":2}", ["{\"a\":\"b}", "{\"c\":2}"]),
        ("", []),
    ]

    @Test("The values of a stream are the same wherever its pieces end", arguments: streams)
    func values(_ text: String, _ values: [String]) {
        for size in 1...(text.utf8.count + 1) {
            let outcome = Self.cut(text, .values, size: size)
            #expect(outcome.values == values, "in pieces of \(size)")
            #expect(outcome.failure == nil)
        }
    }

    static let lists: [(String, [String], String)] = [
        (
            #"{"kind":"L","items":[{"a":1},{"b":[2]}],"x":"]"}"#, ["{\"a\":1}", "{\"b\":[2]}"],
            #"{"kind":"L","items":[],"x":"]"}"#
        ),
        (#"{"items" : [ 1, "two" ,null,[3] ] }"#, ["1", "\"two\"", "null", "[3]"], #"{"items" : [] }"#),
        (#"{"items":[]}"#, [], #"{"items":[]}"#),
        (#"{"items":null,"more":[1]}"#, [], #"{"items":null,"more":[1]}"#),
        // Only a field of the list itself counts, and only the first.
        (#"{"a":{"items":[1]},"items":[2],"items":[3]}"#, ["2"], #"{"a":{"items":[1]},"items":[],"items":[3]}"#),
        (#"{"a":"items","b":[1]}"#, [], #"{"a":"items","b":[1]}"#),
    ]

    @Test("The elements of a list are cut out, and the rest is kept", arguments: lists)
    func elements(_ text: String, _ elements: [String], _ envelope: String) {
        for size in 1...(text.utf8.count + 1) {
            let outcome = Self.cut(text, .list, size: size)
            #expect(outcome == Outcome(values: elements, envelope: envelope, isComplete: true), "in pieces of \(size)")
        }
    }

    @Test("A list that has not ended is not complete")
    func unfinished() {
        let text = #"{"items":[{"a":1}],"metadata":{}}"#
        for count in 0..<text.utf8.count { #expect(!Self.cut(String(text.prefix(count)), .list).isComplete) }
    }

    @Test(
        "What is no JSON is refused, and shown",
        arguments: [
            ("<html>", JSONScan.Form.values), ("[1]", .values), ("{} 1", .values), ("}", .values), (",", .values),
            ("\"a\"", .values),
            ("<html>", .list), ("[]", .list), ("{}{", .list), ("{}]", .list),
        ])
    func rubbish(_ text: String, _ form: JSONScan.Form) {
        guard case .noJSON(let shown) = Self.cut(text, form).failure else {
            Issue.record("\(text) was taken")
            return
        }
        #expect(text.hasSuffix(shown))
    }

    @Test("A value that is too large is skipped, and the next one is read", arguments: [1, 7, 64, 1000])
    func tooLarge(_ size: Int) {
        let large = "{\"name\":\"" + String(repeating: "x", count: 200) + "\"}"
        let outcome = Self.cut(large + "\n{\"b\":2}", .values, size: size)
        #expect(outcome.values == ["too large: {\"name\":\"", "{\"b\":2}"])
        let list = Self.cut("{\"items\":[\(large),{\"b\":2}]}", .list, size: size)
        #expect(list.values == ["too large: {\"name\":\"", "{\"b\":2}"] && list.isComplete)
    }

    @Test("A value without end is given up, and nothing of it is kept")
    func endless() {
        var cutter = JSONCutter(.values, largestValue: 1000)
        var sent = 0
        #expect(throws: JSONCutter.Failure.endless) {
            while sent < 1 << 20 {
                cutter.append(Array((sent == 0 ? "{\"" : "").utf8) + [UInt8](repeating: 0x20, count: 100))
                sent += 100
                #expect(cutter.held <= 1200)
                _ = try cutter.next { _ in 0 }
            }
        }
        #expect(sent < 10_000)
    }

    @Test("A list whose envelope has no end is given up")
    func endlessEnvelope() {
        for beginning in ["{\"a\":\"", "{\"a\":["] {
            var cutter = JSONCutter(.list)
            cutter.append(Array(beginning.utf8))
            #expect(throws: JSONCutter.Failure.endless) {
                for _ in 0..<40 {
                    cutter.append([UInt8](repeating: UInt8(ascii: "1"), count: 1 << 16))
                    _ = try cutter.next { _ in 0 }
                }
            }
        }
    }
}
