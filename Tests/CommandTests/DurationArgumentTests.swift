import Testing

@testable import portico

@Suite struct DurationArgumentTests {
    @Test(
        arguments: [
            ("0", .zero), ("0s", .zero), ("2s", .seconds(2)), ("1m0s", .seconds(60)), ("1h2m3s", .seconds(3723)),
            ("500ms", .milliseconds(500)), ("1.5h", .seconds(5400)), ("1.1s", .nanoseconds(1_100_000_000)),
            (".5s", .milliseconds(500)), ("3.s", .seconds(3)), ("10us", .microseconds(10)),
            ("10\u{B5}s", .microseconds(10)), ("7ns", .nanoseconds(7)), ("1s1s", .seconds(2)),
            ("0.0000000001s", .zero),
        ] as [(String, Duration)])
    func readsWhatGoReads(text: String, duration: Duration) throws {
        #expect(try DurationArgument(text).duration == duration)
    }

    @Test(arguments: ["", "5", "s", "2x", "2 s", "1.2.3s", ".s", "2s1", "9999999999999999999s", "\u{0663}s", "+-2s"])
    func saysWhatIsWrong(text: String) {
        let message = "'\(text)' is not a duration: a number with a unit, such as 500ms, 2s or 1m30s"
        #expect(throws: ArgumentError(message)) { try DurationArgument(text) }
    }

    @Test func refusesNegativeAndEndlessDurations() {
        #expect(throws: ArgumentError("'-2s' is a negative duration")) { try DurationArgument("-2s") }
        #expect(throws: ArgumentError("'2000000h2000000h' is too long")) { try DurationArgument("2000000h2000000h") }
    }

    @Test(
        arguments: [
            (.zero, "0s"), (.seconds(2), "2s"), (.seconds(60), "1m0s"), (.seconds(3723), "1h2m3s"),
            (.milliseconds(250), "250ms"), (.milliseconds(1050), "1.05s"), (.seconds(3600), "1h0m0s"),
            (.milliseconds(61_500), "1m1.5s"), (.microseconds(1500), "1.5ms"), (.microseconds(10), "10\u{B5}s"),
            (.nanoseconds(1_000_000_001), "1.000000001s"), (.nanoseconds(7), "7ns"),
            (.nanoseconds(1050), "1.05\u{B5}s"),
        ] as [(Duration, String)])
    func printsAsGoDoes(duration: Duration, text: String) throws {
        #expect(DurationArgument(duration).description == text)
        #expect(try DurationArgument(text).duration == duration, "nothing of it is lost on the way")
    }
}
