import Logging
import Proxy
import Testing

@testable import portico

@Suite struct LoggingTests {
    private func line(
        _ message: Logger.Message, _ metadata: Logger.Metadata = [:], level: Logger.Level = .warning,
        format: OutputFormat
    ) -> String {
        let event = LogEvent(
            level: level, message: message, error: nil, metadata: metadata, source: "test", file: #fileID,
            function: #function, line: #line)
        // 2026-01-02T03:04:05.006Z
        let time = WallClockTime(seconds: 1_767_323_045, milliseconds: 6)
        return StandardErrorLogHandler.line(for: event, label: "relay", metadata: metadata, format: format, at: time)
    }

    @Test func textIsOneLineWithFieldsInOrder() {
        let text = line("two\nlines", ["port": "80", "error": "no route to host"], format: .text)
        // The clock is the machine's, so only what follows it is known.
        #expect(text.hasSuffix(#" warning relay: two lines error="no route to host" port=80"# + "\n"))
        #expect(line("x", level: .notice, format: .text).hasSuffix(" relay: x\n"))
    }

    @Test("What the message says is a field for programs, and not said twice to people")
    func fields() {
        var metadata = Logger.Metadata.fields(["service": "shop/cart", "error": "gone", "pod": "", "client": nil])
        metadata["dropped"] = "3"
        #expect(
            line("shop/cart: gone", metadata, format: .text).hasSuffix(" warning relay: shop/cart: gone dropped=3\n"))
        let json = line("shop/cart: gone", metadata, format: .json)
        #expect(
            json.hasSuffix(#""message":"shop/cart: gone","dropped":"3","error":"gone","service":"shop/cart"}"# + "\n"))
    }

    @Test func jsonHasTimeLevelLoggerAndMessageFirst() {
        #expect(
            line("two\nlines", ["port": "80", "a": "b"], format: .json)
                == #"{"time":"2026-01-02T03:04:05.006Z","level":"warning","logger":"relay","message":"two\nlines","#
                + #""a":"b","port":"80"}"# + "\n")
    }
}
