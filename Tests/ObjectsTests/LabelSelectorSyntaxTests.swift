import Testing

@testable import Objects

@Suite("The syntax of label selectors")
struct LabelSelectorSyntaxTests {
    private func only(_ text: String) throws -> LabelSelector.Requirement {
        let requirements = try LabelSelector(text).requirements
        #expect(requirements.count == 1)
        return try #require(requirements.first)
    }

    @Test("Each operator means what it does to kubectl")
    func operators() throws {
        #expect(try only("app=web") == .init(key: "app", condition: .isOneOf(["web"])))
        #expect(try only("app==web") == .init(key: "app", condition: .isOneOf(["web"])))
        #expect(try only("app!=web") == .init(key: "app", condition: .isNoneOf(["web"])))
        #expect(try only("app in (web,api,web)") == .init(key: "app", condition: .isOneOf(["web", "api"])))
        #expect(try only("app notin (web,api)") == .init(key: "app", condition: .isNoneOf(["web", "api"])))
        #expect(try only("app") == .init(key: "app", condition: .exists))
        #expect(try only("!app") == .init(key: "app", condition: .isMissing))
        #expect(try only("size>10") == .init(key: "size", condition: .isGreater(than: 10)))
        #expect(try only("size<10") == .init(key: "size", condition: .isLess(than: 10)))
    }

    @Test(
        "Spaces, tabs and line breaks between words mean nothing",
        arguments: ["app in(web,api)", " app\tin\n( web , api ) ", "app in ( web,api)", "app   in   (web ,api)"])
    func spaces(_ text: String) throws {
        #expect(try LabelSelector(text) == LabelSelector("app in (web,api)"))
    }

    @Test("Nothing between or after signs is the empty value", arguments: ["a=", "a= ", "a==", "a in ()", "a in ( )"])
    func emptyValues(_ text: String) throws {
        #expect(try only(text) == .init(key: "a", condition: .isOneOf([""])))
        #expect(try LabelSelector(text).matches(["a": ""]))
        #expect(try !LabelSelector(text).matches([:]))
    }

    @Test("All requirements must hold, also two of one label")
    func together() throws {
        let selector = try LabelSelector("app in (web,api),app!=api,!old,size>1,size<4")
        #expect(selector.matches(["app": "web", "size": "2"]))
        #expect(!selector.matches(["app": "api", "size": "2"]))
        #expect(!selector.matches(["app": "web", "size": "2", "old": ""]))
        #expect(!selector.matches(["app": "web", "size": "4"]))
        #expect(!selector.matches(["app": "web"]))
        #expect(try !LabelSelector("a=1,a=2").matches(["a": "1"]))
    }

    @Test("Without requirements everything matches", arguments: ["", " ", "\t\n"])
    func empty(_ text: String) throws {
        #expect(try LabelSelector(text) == LabelSelector())
        #expect(LabelSelector().matches([:]) && LabelSelector().matches(["a": "b"]))
    }

    @Test("Values are compared as text, by case and to the last zero; only < and > count")
    func comparison() throws {
        #expect(try !LabelSelector("app=Web").matches(["app": "web"]))
        #expect(try !LabelSelector("size=1").matches(["size": "01"]))
        #expect(try LabelSelector("size>9").matches(["size": "10"]))
        #expect(try LabelSelector("size<9").matches(["size": "-1"]))
        for value in ["", "ten", "1.5", "99999999999999999999"] {
            #expect(try !LabelSelector("size>0").matches(["size": value]), "\(value)")
            #expect(try !LabelSelector("size<9").matches(["size": value]), "\(value)")
        }
    }

    @Test(
        "Names of labels",
        arguments: [
            "a", "A", "0", "a-b_c.D", "in", "notin", "example.com/a", "a/b", "1.2/x", String(repeating: "a", count: 63),
            String(repeating: "a", count: 64) + ".example/a", String(repeating: "a.", count: 126) + "b/a",
        ])
    func names(_ name: String) throws {
        #expect(try only(name) == .init(key: name, condition: .exists))
        #expect(try only("!\(name)") == .init(key: name, condition: .isMissing))
        #expect(try only("\(name) in (x)") == .init(key: name, condition: .isOneOf(["x"])))
    }

    @Test(
        "What is no name of a label is told so",
        arguments: [
            "-a", "a-", ".a", "a.", "_a", "a_", "a/", "/a", "a//b", "a/b/c", "a_b/c", "ä",
            "a:b", "'a'", "\"a\"", "a.-b/c", String(repeating: "a", count: 64),
            String(repeating: "a.", count: 127) + "b/a",
        ])
    func noNames(_ name: String) {
        #expect(throws: LabelSelector.Failure("'\(name)' is not the name of a label")) { try LabelSelector(name) }
    }

    @Test(
        "What is no value of a label is told so",
        arguments: ["-1", "a-", "a/b", "'web'", "\"web\"", "a:b", "é", "*", String(repeating: "a", count: 64)])
    func noValues(_ value: String) {
        for text in ["app=\(value)", "app!=\(value)", "app in (x,\(value))", "app notin (\(value))", "size>\(value)"] {
            #expect(throws: LabelSelector.Failure("'\(value)' is not the value of a label"), "\(text)") {
                try LabelSelector(text)
            }
        }
    }

    @Test(
        "What stands in the wrong place is told with what was expected there",
        arguments: [
            ("app===web", "'=' stands where a value was expected"),
            ("app=!web", "'!' stands where a value was expected"),
            ("app=>1", "'>' stands where a value was expected"),
            ("app!web", "'!' stands where '=', '!=', 'in', 'notin' or ',' was expected"),
            ("app(web)", "'(' stands where '=', '!=', 'in', 'notin' or ',' was expected"),
            ("app IN (web)", "'IN' stands where '=', '!=', 'in', 'notin' or ',' was expected"),
            ("app not in (web)", "'not' stands where '=', '!=', 'in', 'notin' or ',' was expected"),
            ("!app=web", "'=' stands where ',' was expected"),
            ("!!app", "'!' stands where the name of a label was expected"),
            ("!=web", "'!=' stands where the name of a label was expected"),
            ("app=web,,tier=a", "',' stands where the name of a label was expected"),
            ("app=web,", "the end stands where the name of a label was expected"),
            ("(app)", "'(' stands where the name of a label was expected"),
            ("app in", "the end stands where '(' was expected"),
            ("app in (", "the end stands where ')' was expected"),
            ("app in (web,", "the end stands where ')' was expected"),
            ("app in (web)) ", "')' stands where ',' was expected"),
            ("app in (web) tier", "'tier' stands where ',' was expected"),
            ("app in ((web))", "'(' stands where a value was expected"),
            ("size>", "'' is not a whole number to compare with"),
            ("size>1.5", "'1.5' is not a whole number to compare with"),
            ("size<99999999999999999999", "'99999999999999999999' is not a whole number to compare with"),
            ("size>=1", "'=' stands where a value was expected"),
        ])
    func misplaced(_ text: String, _ message: String) {
        let failure = #expect(throws: LabelSelector.Failure.self) { try LabelSelector(text) }
        #expect(failure?.description == message)
    }
}
