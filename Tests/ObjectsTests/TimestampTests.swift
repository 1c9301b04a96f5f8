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
}
