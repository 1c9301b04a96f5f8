import Testing

@testable import Objects

@Suite struct LabelSelectorTests {
    private static let labels = ["app": "web", "tier": "front", "example.com/size": "7", "empty": ""]

    @Test(arguments: [
        ("", true), ("  ", true),
        ("app=web", true), ("app==web", true), ("app=api", false), ("missing=x", false),
        (" app = web , tier = front ", true), ("app=web,tier=back", false),
        ("app!=web", false), ("app!=api", true), ("missing!=x", true),
        ("app in (web, api)", true), ("app in (api)", false), ("missing in (x)", false),
        ("app notin (web)", false), ("app notin (api,x)", true), ("missing notin (x)", true),
        ("app", true), ("missing", false), ("!app", false), ("!missing", true), ("! missing", true),
        ("empty=", true), ("empty in ()", true), ("app=", false), ("empty=,app=web", true), ("empty in (,x)", true),
        ("example.com/size=7", true), ("example.com/size>6", true), ("example.com/size>7", false),
        ("example.com/size<8", true), ("app>1", false), ("missing<1", false),
        ("app in (web),!missing,tier!=back", true),
        // Words of the grammar are also possible names and values.
        ("in", false), ("app notin (in, notin)", true), ("!in", true), ("in in (x)", false),
    ])
    func matches(text: String, expected: Bool) throws {
        #expect(try LabelSelector(text).matches(Self.labels) == expected)
    }

    @Test(arguments: [
        (",", "',' stands where the name of a label was expected"),
        ("app,", "the end stands where the name of a label was expected"),
        ("=web", "'=' stands where the name of a label was expected"),
        ("!", "the end stands where the name of a label was expected"),
        ("app web", "'web' stands where '=', '!=', 'in', 'notin' or ',' was expected"),
        ("app=web tier=front", "'tier' stands where ',' was expected"),
        ("app=(web)", "'(' stands where a value was expected"),
        ("app in web", "'web' stands where '(' was expected"),
        ("app in (web", "the end stands where ')' was expected"),
        ("app in (web api)", "'api' stands where ')' was expected"),
        ("app=a/b", "'a/b' is not the value of a label"),
        ("app=-a", "'-a' is not the value of a label"),
        ("-app=a", "'-app' is not the name of a label"),
        ("a/b/c=d", "'a/b/c' is not the name of a label"),
        ("Example.com/a=d", "'Example.com/a' is not the name of a label"),
        ("size>big", "'big' is not a whole number to compare with"),
    ])
    func saysWhatIsWrong(text: String, message: String) {
        #expect(throws: LabelSelector.Failure(message)) { try LabelSelector(text) }
    }
}
