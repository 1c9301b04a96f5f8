import ArgumentParser
import Documents
import Glibc
import Objects
import TestSupport
import Testing

@testable import portico

/// A project file by value: what becomes of its fields, and what is wrong with them.
@Suite("Project file") struct ProjectFileTests {
    private func file(_ text: String, path: String = "portico.yaml") throws(ConfigurationMistakes) -> ProjectFile {
        try ProjectFile(Array(text.utf8), path: path)
    }

    private func mistakes(_ text: String) -> [String] {
        do throws(ConfigurationMistakes) {
            _ = try file(text)
            return []
        } catch {
            return error.lines
        }
    }

    private func settled(_ text: String, _ arguments: String..., path: String = "portico.yaml") throws -> [String] {
        ProjectCommandLine(arguments).settled(try file(text, path: path)).filter { !$0.hasPrefix("--project-in-use=") }
    }

    @Test(
        "Each field becomes its flag",
        arguments: [
            ("manifests: [a, b.yaml]", ["--file=a", "--file=b.yaml"]), ("manifests: a", ["--file=a"]),
            ("demoPods: none", ["--demo-pods=none"]),
            ("recursive: true", ["--recursive"]), ("recursive: false", []), ("recursive:", []),
            ("namespaces: [a, b]", ["--namespace=a", "--namespace=b"]), ("selector: app=web", ["--selector=app=web"]),
            ("services: ['db:1=127.0.0.1:1']", ["--service=db:1=127.0.0.1:1"]),
            ("publish: [web:80=8080]", ["--publish=web:80=8080"]), ("balancing: random", ["--balancing=random"]),
            ("names: false", ["--no-names"]), ("names: true", ["--names"]), ("dns: 5353", ["--dns=5353"]),
            ("dns: '127.0.0.2:53'", ["--dns=127.0.0.2:53"]), ("dnsDomain: k8s.test", ["--dns-domain=k8s.test"]),
            ("socks: 1080\nsocksOpen: true", ["--socks=1080", "--socks-open"]), ("share: false", []),
            ("socks: '0.0.0.0:1'\nsocksPasswordFile: p", ["--socks=0.0.0.0:1", "--socks-password-file=p"]),
            ("share: true", ["--share"]),
            ("envFile: a.env\nhostsFile: /tmp/h", ["--env-file=a.env", "--hosts-file=/tmp/h"]),
            ("kubeconfig: k\ncontext: c", ["--kubeconfig=k", "--context=c"]),
            ("command: [npm, start, 1]", ["--", "npm", "start", "1"]),
            ("command: npm start && x", ["--", "sh", "-c", "npm start && x"]), ("", []), ("# nothing", []),
        ] as [(String, [String])])
    func fields(text: String, arguments: [String]) throws {
        #expect(try settled(text) == arguments)
    }

    @Test("Paths begin where the file is, and so does the command, from wherever it is used")
    func paths() throws {
        let folder = try TemporaryDirectory()
        let arguments = try settled(
            "manifests: [deploy, ., /abs, '-']\nenvFile: x.env\ncommand: [make]", path: folder.file("portico.yaml"))
        #expect(
            arguments == [
                "--command-folder=\(folder.path)", "--file=\(folder.path)/deploy", "--file=\(folder.path)",
                "--file=/abs",
                "--file=-", "--env-file=\(folder.path)/x.env", "--", "make",
            ])
        let home = try #require(getenv("HOME").map { String(cString: $0) })
        #expect(try settled("kubeconfig: ~/.kube/config") == ["--kubeconfig=\(home)/.kube/config"])
    }

    @Test(
        "A flag takes the place of its field, however it is written",
        arguments: [
            (["-nother"], "namespaces: [shop]"), (["-n", "other"], "namespaces: [shop]"),
            (["--namespace=other"], "namespaces: [shop]"), (["-A"], "namespaces: [shop]"),
            (["-l", "a=b"], "selector: c=d"), (["--publish", "web:80=9"], "publish: [web:80=8080]"),
            (["--names"], "names: false"), (["--no-names"], "names: true"), (["--dns=53"], "dns: 5353"),
            (["-f", "x"], "manifests: [a]\nrecursive: true"), (["--context", "x"], "manifests: [a]"),
            (["-Rf", "x"], "manifests: [a]\nrecursive: true"), (["-Rnother"], "namespaces: [shop]"),
            (["-RA"], "namespaces: [shop]"), (["--demo-pods=none"], "demoPods: true"),
            (["-f", "x"], "kubeconfig: k\ncontext: c"), (["--", "other"], "command: [npm]"), (["--"], "command: [npm]"),
        ] as [([String], String)])
    func flagsWin(arguments: [String], text: String) throws {
        let settled = ProjectCommandLine(arguments).settled(try file(text))
        #expect(settled == ["--project-in-use=portico.yaml"] + arguments)
    }

    @Test("Flags of other fields, and those of the program, leave a field alone")
    func othersStay() throws {
        #expect(try settled("namespaces: shop", "-l", "a=b") == ["--namespace=shop", "-l", "a=b"])
        #expect(try settled("namespaces: shop", "--", "x", "-n", "y") == ["--namespace=shop", "--", "x", "-n", "y"])
        #expect(try settled("namespaces: shop", "-lan", "-vA") == ["--namespace=shop", "-lan", "-vA"])
        #expect(try settled("command: [npm]\ndns: 53", "-v2") == ["--dns=53", "-v2", "--", "npm"])
    }

    @Test("Whatever says what to serve stands for itself, unless a file is named", arguments: ProjectSetting.sources)
    func sources(flag: String) throws {
        let folder = try TemporaryDirectory()
        try folder.write("dns: 5353", to: "portico.yaml")
        let path = folder.file("portico.yaml")
        #expect(try ProjectCommandLine([flag, "x"]).settled { path } == [flag, "x"])
        #expect(try ProjectCommandLine([flag + "=x", "--project", path]).settled { nil }.contains("--dns=5353"))
        #expect(try ProjectCommandLine(["-v2"]).settled { path }.contains("--dns=5353"))
        #expect(try ProjectCommandLine(["--no-project"]).settled { path } == ["--no-project"])
        #expect(try ProjectCommandLine(["--help"]).settled { "/no/such/file" } == ["--help"])
        #expect(try ProjectCommandLine(["-v2"]).settled { nil } == ["-v2"])
    }

    @Test("What says which manifests count is for check too, and nothing else is")
    func check() throws {
        let file = try file(
            "manifests: [a]\nrecursive: true\nnamespaces: shop\nselector: a=b\nlocal: [cart=3000]\ncommand: [npm]",
            path: "/shop/portico.yaml")
        let own = "--project-in-use=/shop/portico.yaml"
        #expect(
            ProjectCommandLine(["--strict"], for: .check).settled(file)
                == [own, "--file=/shop/a", "--recursive", "--namespace=shop", "--selector=a=b", "--strict"])
        #expect(
            ProjectCommandLine(["-nother", "-v1"], for: .check).settled(file)
                == [own, "--file=/shop/a", "--recursive", "--selector=a=b", "-nother", "-v1"])
        for flag in ["-f", "--config"] {
            #expect(try ProjectCommandLine([flag, "x"], for: .check).settled { "/no/such/file" } == [flag, "x"])
        }
    }

    @Test("Words that are no flags, such as that for standard input, are nobody's", arguments: [["-f", "-"], ["-f-"]])
    func standardInput(arguments: [String]) throws {
        for taker in [ProjectCommandLine.Taker.dev, .check] {
            #expect(try ProjectCommandLine(arguments, for: taker).settled { "/no/such/file" } == arguments)
            #expect(try ProjectCommandLine(["-"], for: taker).settled { nil } == ["-"])
            #expect(try ProjectCommandLine([""], for: taker).settled { nil } == [""])
        }
    }

    @Test("All mistakes are told at once, each with its line")
    func mistakes() {
        let text = """
            manifests: [a, 5]
            publsih: [web:80=8080]
            publish:
            - web:80=8080
            - web=8080
            names: maybe
            dns: x
            command: []
            nonsense: 1
            names: true
            selector: 1
            """
        let found = mistakes(text)
        let expected = [
            "portico.yaml:1: manifests: expected a list of paths, found 5 (put it in quotes)",
            "portico.yaml:2: publsih: is not known; did you mean publish?",
            "portico.yaml:6: names: expected true or false, found \"maybe\"",
            "portico.yaml:8: command: expected a program with its arguments, or a line for a shell, found a list",
            "portico.yaml:9: nonsense: is not known", "portico.yaml:10: names: is set in line 6 already",
            "portico.yaml:11: selector: expected text, found 1 (put it in quotes)",
        ]
        for line in expected { #expect(found.contains(line), "\(found)") }
        #expect(found.contains { $0.hasPrefix("portico.yaml:4: publish: 'web' lacks a port") }, "\(found)")
        #expect(found.contains { $0.hasPrefix("portico.yaml:7: dns: 'x' is not a port") }, "\(found)")
        #expect(found.count == expected.count + 2, "\(found)")
    }

    @Test("Syntax errors and what is no list of fields have a line too; what does not go together is told")
    func others() {
        #expect(mistakes("a: b\n\tc: d").first?.hasPrefix("portico.yaml:2: ") == true)
        #expect(mistakes("[a]") == ["portico.yaml:1: expected fields such as manifests, found a list"])
    }

    @Test("What does not go together is judged with the whole command line, which names the file")
    func together() throws {
        func failure(_ text: String, _ arguments: String...) throws -> String? {
            let settled = ProjectCommandLine(arguments).settled(try file(text))
            do {
                _ = try Portico.parseAsRoot(["dev"] + settled)
                return nil
            } catch {
                return CommandFailure.line(
                    for: error, arguments: ["portico", "dev"] + arguments, project: ProjectCommandLine.file(in: settled)
                )
            }
        }
        let part = " (portico.yaml is part of this command line); see 'portico dev --help'"
        #expect(
            try failure("manifests: a\nkubeconfig: b")
                == "portico: manifests and a cluster cannot be served at once: leave out -f or --kubeconfig" + part)
        #expect(try failure("manifests: a\nlocalFallback: refuse", "--local", "cart=3000") == nil)
        #expect(try failure("manifests: a\nlocal: cart", "--", "npm", "start") == nil)
        #expect(try failure("manifests: a\nlocal: cart\nlocalFallback: refuse\ncommand: npm start") == nil)
        #expect(
            try failure("manifests: a\nlocalFallback: refuse")
                == "portico: --local-fallback is about --local, which is missing" + part)
        #expect(try failure("manifests: a\nlocal: cart")?.hasSuffix(part) == true)
        // What is wrong with an argument is not the file's doing.
        #expect(try failure("manifests: a", "--dns", "x")?.contains("portico.yaml") == false)
        #expect(
            mistakes("manifests: a\nlocalFallback: x").first?.hasPrefix("portico.yaml:2: localFallback: 'x'") == true)
    }

    @Test("A line for a shell is called by its first word")
    func program() {
        func name(_ words: String...) -> String? { ProjectCommandLine.program(of: words) }
        #expect(name("sh", "-c", "npm start && x") == "npm" && name("sh", "-c", "A=1 B=2 ./run x") == "./run")
        #expect(name("npm", "start") == "npm" && name("sh", "x") == "sh" && name("sh", "-c", "A=1") == "sh")
        #expect(ProjectCommandLine.program(of: []) == nil)
    }

    @Test("The schema for editors has the fields that the reader knows, of the same kinds")
    func schema() throws {
        let tree = try DocumentTree.read(Array(projectFile("docs/portico.schema.json").utf8))
        let root = try #require(tree.root)
        let properties = try #require(tree.value(of: "properties", in: root))
        #expect(tree.keys(of: properties).map(tree.string) == ProjectSetting.all.map(\.field))
        for setting in ProjectSetting.all {
            let property = try #require(tree.value(of: setting.field, in: properties))
            #expect(tree.text(at: ["description"], in: property)?.isEmpty == false, "\(setting.field)")
            #expect(tree.text(at: ["$ref"], in: property) == "#/$defs/\(setting.kind.definition)", "\(setting.field)")
        }
        let closed = tree.value(of: "additionalProperties", in: root).map { tree.nodes[$0].kind }
        #expect(closed == .no)
    }
}

extension ProjectSetting.Kind {
    /// As the schema calls it.
    fileprivate var definition: String {
        switch self {
        case .text, .path: "text"
        case .texts, .paths: "texts"
        case .toggle: "toggle"
        case .toggleOrWord: "pods"
        case .port: "port"
        case .command: "command"
        }
    }
}

/// Where a project file is found, and whether it is to be trusted.
@Suite("Finding a project file") struct ProjectPathTests {
    private func find(from folder: String, home: String? = "/home/me", _ paths: String...) -> String? {
        ProjectPath.find(from: folder, home: home) { paths.contains($0) }
    }

    @Test("In the folder, or the nearest above it, up to the top of the repository or the home folder")
    func found() {
        let top = "/home/me/shop"
        #expect(find(from: top, "\(top)/portico.yaml") == "\(top)/portico.yaml")
        #expect(find(from: "\(top)/a/b", "\(top)/.git", "\(top)/portico.yaml") == "\(top)/portico.yaml")
        #expect(find(from: "\(top)/a/b", "\(top)/portico.yaml", "\(top)/a/portico.yaml") == "\(top)/a/portico.yaml")
        #expect(find(from: top, "/home/me/portico.yaml") == "/home/me/portico.yaml")
        #expect(
            find(from: "\(top)/a", "\(top)/.git", "/home/me/portico.yaml") == nil, "another repository's, or none's")
        #expect(find(from: "/home/me", "/home/portico.yaml", "/portico.yaml") == nil)
    }

    @Test("In neither, what is above is anybody's")
    func outside() {
        #expect(find(from: "/tmp/a/b", "/tmp/portico.yaml", "/tmp/a/portico.yaml") == nil)
        #expect(find(from: "/tmp/a/b", "/tmp/portico.yaml", "/tmp/a/b/portico.yaml") == "/tmp/a/b/portico.yaml")
        #expect(find(from: "/srv/x/y", "/srv/x/.git", "/srv/x/portico.yaml") == "/srv/x/portico.yaml")
        #expect(find(from: "/", home: nil, "/portico.yaml") == "/portico.yaml")
        #expect(find(from: "/a", home: "/", "/portico.yaml") == "/portico.yaml")
    }

    private func reason(owner: uid_t, mode: mode_t, group: gid_t = 7, type: mode_t = S_IFREG) -> String? {
        var status = stat()
        (status.st_uid, status.st_mode, status.st_gid) = (owner, type | mode, group)
        return TrustedFile.reasonToDistrust(status, reader: 1000) { $0 == 1000 }
    }

    @Test("Only what nobody else can have written is trusted")
    func trust() {
        #expect(reason(owner: 1000, mode: 0o644) == nil && reason(owner: 0, mode: 0o644) == nil)
        #expect(reason(owner: 1001, mode: 0o600)?.contains("belongs to user 1001") == true)
        #expect(reason(owner: 1000, mode: 0o646)?.contains("others may write") == true)
        #expect(reason(owner: 1000, mode: 0o664)?.contains("others may write") == true)
        #expect(reason(owner: 1000, mode: 0o664, group: 1000) == nil, "a group of its user alone")
        #expect(
            reason(owner: 1000, mode: 0o777, type: S_IFLNK) == nil
                && reason(owner: 5, mode: 0o777, type: S_IFLNK) != nil)
    }

    @Test("What is no file, and a link of somebody else, are not read", .requires(.root))
    func refused() throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write("dns: 5353", to: "real.yaml")
        #expect(symlink(path, folder.file("link.yaml")) == 0)
        #expect(throws: Never.self) { try TrustedFile.read(folder.file("link.yaml")) }
        #expect(lchown(folder.file("link.yaml"), 1, 1) == 0)
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        for name in ["link.yaml", "pipe", "missing"] {
            #expect(throws: ConfigurationMistakes.self, "\(name)") { try TrustedFile.read(folder.file(name)) }
        }
    }
}

/// What `portico init` writes.
@Suite("A project file made from manifests") struct ProjectDraftTests {
    private func draft(
        _ files: [(String, [ObjectKind], Bool)], _ services: [String: UInt16] = ["shop/web": 80]
    ) -> ProjectDraft {
        ProjectDraft(
            files: files.map { path, kinds, hasMistakes in
                let objects = kinds.map { ObjectID($0, ObjectKey(namespace: "shop", name: "x")) }
                return ProjectDraft.File(path: path, objects: objects, hasMistakes: hasMistakes)
            },
            services: Dictionary(
                uniqueKeysWithValues: services.map { name, port in
                    let parts = name.split(separator: "/")
                    return (ObjectKey(namespace: String(parts[0]), name: String(parts[1])), port)
                }))
    }

    @Test("Folders with manifests, and single files where others are none")
    func paths() {
        let found = draft([
            ("deploy/a.yaml", [.service], false), ("deploy/b.yaml", [], false), ("deploy/base/c.yaml", [.pod], false),
            ("chart/values.yaml", [], true), ("compose.yaml", [], true), ("web.yaml", [.service], false),
            ("ci/x.yaml", [], false),
        ])
        #expect(found.paths == ["deploy", "deploy/base", "web.yaml"])
        #expect(draft([("a.yaml", [.service], false)]).paths == ["."])
    }

    @Test("It is a project file, also with what it has as comments")
    func text() throws {
        for services: [String: UInt16] in [["shop/web": 80], ["default/web": 0], ["a/x": 80, "b/y": 8080]] {
            let text = draft([("deploy/on.yaml", [.service], false), ("-odd/{x}/a.yaml", [.service], false)], services)
                .text
            _ = try ProjectFile(Array(text.utf8), path: "portico.yaml")
            // The comments that are fields, but for the one whose flag is tested with what it does.
            let all = text.split(separator: "\n").filter { !$0.contains("local:") && !$0.contains("=3000") }.map {
                line in
                let isField = line.hasPrefix("# - ") || line.firstMatch(of: /^# [a-z]+:/) != nil
                return String(isField ? line.dropFirst(2) : line)
            }
            let file = try ProjectFile(Array(all.joined(separator: "\n").utf8), path: "portico.yaml")
            #expect(file.values.contains { $0.setting.field == "command" })
            #expect(file.values.first?.arguments.contains("--file=-odd/{x}") == true)
        }
    }

    @Test("The namespace of all is the one that counts; pods are played only where none are known")
    func choices() {
        let one = draft([("a.yaml", [.service], false)]).text
        #expect(one.contains("\nnamespaces: [shop]\n") && one.contains("\ndemoPods: true\n"))
        #expect(one.contains("# - web:80=8080\n"))
        let two = draft([("a.yaml", [.service, .endpointSlice], false)], ["shop/web": 80, "other/x": 80]).text
        #expect(!two.contains("\nnamespaces") && two.contains("# namespaces: [other, shop]\n"))
        #expect(!two.contains("\ndemoPods") && two.contains("# - other/x=3000\n"))
        let many = draft((0..<20).map { ("f\($0)/a.yaml", [.service], false) }).text
        #expect(many.contains("\n- .\nrecursive: true\n"))
    }
}
