import Testing

@testable import APIProxy

@Suite("Patterns")
struct PatternTests {
    @Test(
        "Found as in Go",
        arguments: [
            ("POST", "POST", true), ("POST", "XPOSTX", true), ("^POST$", "XPOSTX", false), ("^$", "", true),
            ("^$", "a", false), ("", "a", true), ("^.*", "", true), ("a.c", "abc", true), ("a.c", "a\nc", false),
            ("(?s)a.c", "a\nc", true), ("^/api/.*/pods/.*/exec", "/api/v1/namespaces/d/pods/x/exec", true),
            ("^/api/.*/pods/.*/exec", "/apis/v1/pods/x/exec", false), (#"^127\.0\.0\.1$"#, "127.0.0.1", true),
            (#"^127\.0\.0\.1$"#, "127a0.0.1", false), (#"^\[::1\]$"#, "[::1]", true), ("a|b|c", "c", true),
            ("^(a|b)+$", "abba", true), ("^(a|b)+$", "abca", false), ("^(?:ab)*$", "abab", true),
            ("^(?P<x>ab)(?<y>c)$", "abc", true), ("^a{2}$", "aa", true), ("^a{2}$", "aaa", false),
            ("^a{2,}$", "aaaa", true), ("^a{1,2}$", "aaa", false), ("^a{,2}$", "a{,2}", true), ("^a?b??$", "ab", true),
            (#"^\d+$"#, "12a", false), (#"^\d+$"#, "123", true), (#"^\w+\s\S$"#, "ab c", true),
            ("^[^a-c]$", "b", false),
            ("^[^a-c]$", "d", true), ("^[]a]$", "]", true), ("^[a-]$", "-", true), (#"^[\d.]+$"#, "1.2", true),
            ("^[[:alpha:]]+$", "aB", true), (#"^[\D]$"#, "1", false), ("(?i)^LocalHost$", "LOCALHOST", true),
            ("^a(?i)b$", "aB", true), ("^a(?i)b$", "Ab", false), ("^a(?i:b)c$", "aBC", false),
            (#"\bexec\b"#, "/exec?", true),
            (#"\bexec\b"#, "execute", false), (#"^\x41\x{42}$"#, "AB", true), (#"^\Qa.b\E$"#, "axb", false),
            (#"^\Qa.b\E$"#, "a.b", true), (#"\Aa\z"#, "a", true), ("^a$", "x\na", false), ("(?m)^a$", "x\na", true),
            ("^é.$", "éß", true), ("^(|a)b$", "b", true), ("(a*)*b", "aab", true), ("^(a*)*$", "aaa", true),
        ])
    func found(pattern: String, text: String, isFound: Bool) throws {
        #expect(try Pattern(pattern).matches(text) == isFound, "\(pattern) in \(text)")
    }

    @Test(
        "What is none is refused, with a reason",
        arguments: [
            "(", ")", "a)", "(a", "[a", "[b-a]", "*", "+a", "a**", "a{2}{3}", #"\"#, #"\pL"#, #"\1"#, "(?x)a", "(?<",
            "a{1001}",
            "[[:nope:]]", #"\xzz"#, "(?P>x)", "((a{1000}){1000}){1000}",
        ])
    func refused(pattern: String) {
        #expect(throws: PatternError.self) { try Pattern(pattern) }
    }

    @Test("Neither patterns made to take long do, nor deep ones, nor those that match nothing many times")
    func evil() throws {
        #expect(try !Pattern("(a+)+$").matches(String(repeating: "a", count: 5000) + "b"))
        #expect(try !Pattern("^(a|a)*$").matches(String(repeating: "a", count: 5000) + "b"))
        #expect(try Pattern("^(()*)*$").matches(""))
        #expect(throws: PatternError.self) { try Pattern(String(repeating: "(", count: 100_000)) }
        #expect(try Pattern(String(repeating: "(", count: 200) + "a" + String(repeating: ")", count: 200)).matches("a"))
    }

    @Test("Lists: one of them is enough, and the first that is none is named")
    func lists() throws {
        let list = try PatternList("^a$,^b$")
        #expect(list.matches("a") && list.matches("b") && !list.matches("ab"))
        #expect(try PatternList("").matches("anything"))
        let error = #expect(throws: PatternError.self) { try PatternList("^a$,(,[") }
        #expect(error?.description == "\"(\" is not a regular expression: there is a ( without )")
    }
}
