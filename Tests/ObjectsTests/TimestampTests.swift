import Objects
import Testing

@Suite("Timestamps") struct TimestampTests {
    @Test(
        "Every way to write a moment of RFC 3339 is read",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:01z", 1), ("1970-01-02t00:00:00Z", 86_400),
            ("2026-11-23T13:41:38Z", 1_795_441_298), ("2026-11-23T13:41:38.999999Z", 1_795_441_298),
            ("2026-11-23T15:41:38+02:00", 1_795_441_298), ("2026-11-23T08:11:38.5-05:30", 1_795_441_298),
            ("2000-02-29T12:00:00Z", 951_825_600), ("2000-03-01T00:00:00Z", 951_868_800),
            ("2024-02-29T23:59:60Z", 1_709_251_200), ("1969-12-31T23:59:59Z", -1),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ])
    func parsing(_ text: String, _ seconds: Int64) {
        #expect(Timestamp(text)?.seconds == seconds)
    }

    @Test(
        "Anything else is no time",
        arguments: [
            "", "now", "2026-11-23", "2026-11-23T13:41:38", "2026-11-23T13:41:38+", "2026-11-23T13:41:38ZZ",
            "2026-13-23T13:41:38Z", "2026-00-23T13:41:38Z", "2026-11-32T13:41:38Z", "2026-11-23T24:41:38Z",
            "2026-11-23T13:60:38Z", "2026-11-23T13:41:61Z", "2026-11-23T13:41:38+0200", "2026-11-23T13:41:38+24:00",
            "2o26-11-23T13:41:38Z", "2026/11/23T13:41:38Z", "2026-11-23T13:41:38.Z?", "２０２６-11-23T13:41:38Z",
            "2026-11-23T13:41:38.123",
        ])
    func noTime(_ text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test("A moment is written as Kubernetes writes it, and compared by when it is")
    func description() throws {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T12:34:56Z", "2026-11-23T13:41:38Z", "2100-03-01T00:00:00Z"] {
            #expect(try #require(Timestamp(text)).description == text)
        }
        // A step that is prime to everything in a calendar comes to all its corners.
        for seconds in stride(from: Int64(0), to: 253_402_300_799, by: 1_000_003_001) {
            #expect(Timestamp("\(Timestamp(seconds: seconds))")?.seconds == seconds)
        }
        #expect(Timestamp(seconds: 1) < Timestamp(seconds: 2))
    }

    @Test(
        "Days that no calendar has are no time, leap days of leap years are",
        arguments: [
            ("2026-02-28", true), ("2026-02-29", false), ("2024-02-29", true), ("2024-02-30", false),
            ("2000-02-29", true), ("1900-02-29", false), ("2100-02-29", false), ("0000-02-29", true),
            ("2026-04-30", true), ("2026-04-31", false), ("2026-12-31", true), ("2026-06-31", false),
            ("2026-01-00", false), ("9999-12-31", true),
        ])
    func days(_ day: String, _ exists: Bool) {
        #expect((Timestamp("\(day)T00:00:00Z") != nil) == exists)
        #expect((Timestamp("\(day)T23:59:59.5+12:00") != nil) == exists)
    }

    @Test("A point needs digits behind it, any number of them, and an offset behind these")
    func fractions() {
        let whole = Timestamp("2026-11-23T13:41:38Z")
        for fraction in [".0", ".9", ".123456789", "." + String(repeating: "7", count: 100)] {
            #expect(Timestamp("2026-11-23T13:41:38\(fraction)Z") == whole, "\(fraction)")
            #expect(Timestamp("2026-11-23T14:41:38\(fraction)+01:00") == whole, "\(fraction)")
        }
        for bad in [".Z", ".", ".+01:00", "..5Z", ",5Z", ".5", ".5.5Z", ".-5Z"] {
            #expect(Timestamp("2026-11-23T13:41:38\(bad)") == nil, "\(bad)")
        }
    }

    @Test(
        "Moments before 1970 are written as they were read, down to the time that stands for none",
        arguments: [
            "1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z", "1968-02-29T12:00:01Z", "1900-03-01T00:00:00Z",
            "0001-01-01T00:00:00Z", "0000-03-01T00:00:00Z", "0000-02-29T23:59:59Z", "0000-01-01T00:00:00Z",
        ])
    func before1970(_ text: String) throws {
        #expect("\(try #require(Timestamp(text)))" == text)
    }

    @Test("Order is that of time, wherever it was written down")
    func order() throws {
        let sorted = try [
            "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2026-11-23T14:00:00+02:00",
            "2026-11-23T13:00:00Z", "2026-11-23T09:00:00-05:00",
        ].map { try #require(Timestamp($0)) }
        #expect(sorted.shuffled().sorted() == sorted)
        #expect(Timestamp("2026-11-23T14:00:00+02:00") == Timestamp("2026-11-23T12:00:00-00:00"))
    }
}
