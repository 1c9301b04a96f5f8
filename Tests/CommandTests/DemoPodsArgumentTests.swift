import ArgumentParser
import Testing

@testable import portico

@Suite struct DemoPodsArgumentTests {
    @Test(
        "Alone it means all, wherever it stands; what is behind -- is somebody else's",
        arguments: [
            (["dev", "--demo-pods"], ["dev", "--demo-pods=all"]),
            (["dev", "--demo-pods", "-f", "x"], ["dev", "--demo-pods=all", "-f", "x"]),
            (["dev", "--demo-pods", "missing", "-f", "x"], ["dev", "--demo-pods", "missing", "-f", "x"]),
            (["dev", "--demo-pods=missing"], ["dev", "--demo-pods=missing"]),
            (["dev", "--demo-pods", "--", "x", "--demo-pods"], ["dev", "--demo-pods=all", "--", "x", "--demo-pods"]),
            (["dev", "--", "--demo-pods"], ["dev", "--", "--demo-pods"]),
        ])
    func alone(_ arguments: [String], _ expected: [String]) {
        #expect(DemoPodsArgument.normalized(arguments) == expected)
    }

    @Test("None, as against a project file, can be said too", arguments: ["none", "false"])
    func none(_ word: String) throws {
        for arguments in [["--demo-pods", word], ["--demo-pods=\(word)"]] {
            let all = DemoPodsArgument.normalized(["dev", "-f", "x"] + arguments)
            #expect(try (Portico.parseAsRoot(all) as? Dev)?.local.demoPods == .nobody)
        }
    }
}
