import Base
import Testing

/// What others wrote, as it may stand in a message.
@Suite("Text on one line") struct LineTests {
    @Test(
        "Lines are joined, and nothing is left that a terminal would act on",
        arguments: [
            ("plain, with  two blanks ", "plain, with  two blanks "), ("", ""), ("a\nb\r\n\nc\n", "a b c"),
            ("\n a", "a"), ("a\n\n  b: c\n", "a b: c"),
            ("a\tb\u{0}c\u{7F}", "a b c"), ("\u{1B}[1;31mred\u{1B}[0m", "red"), ("\u{1B}]0;title\u{7}x", "]0;title x"),
            ("a\u{2028}b\u{85}c", "a b c"), ("é\u{1B}", "é"), ("\u{1B}[", ""),
        ])
    func lines(_ text: String, _ expected: String) { #expect(text.onOneLine == expected) }

    @Test(
        "A string of JSON stays one line in every reader",
        arguments: [
            ("a\"b\\c", #""a\"b\\c""#), ("\n\r\t", #""\n\r\t""#), ("\u{1}\u{7F}\u{2028}é", #""\u0001\u007f\u2028é""#),
            ("", #""""#),
        ])
    func json(_ text: String, _ expected: String) { #expect(text.quotedAsJSON == expected) }
}
