import ArgumentParser
import Balancing
import Base
import Glibc
import Logging
import Names
import TestSupport
import Testing

@testable import portico

/// What the parser makes of whole command lines.
@Suite struct CommandLineTests {
    private func dev(_ arguments: String...) throws -> Dev {
        try #require(try Portico.parseAsRoot(["dev"] + arguments) as? Dev)
    }

    private func complaint(_ arguments: String...) -> String? {
        do {
            _ = try Portico.parseAsRoot(arguments)
            return nil
        } catch {
            return CommandFailure.line(for: error, arguments: ["portico"] + arguments)
        }
    }

    @Test func devHasDefaults() throws {
        let command = try dev("-f", "manifests")
        #expect(command.selection.files == ["manifests"])
        #expect(command.selection.defaultNamespace == "default")
        #expect(command.selection.includes(namespace: "any", labels: [:]))
        #expect(command.carrying.drainTimeout.duration == .seconds(2))
        #expect(command.printing.output == .text)
        #expect(command.local.demoPods == nil && !command.view.connections)
        #expect(command.carrying.balancing == .roundRobin)
        #expect(LogVerbosity.level(of: command.logging.verbosity) == .notice)
    }

    @Test func devTakesEverythingAtOnce() throws {
        let command = try dev(
            "-f", "-", "-fmore.yaml", "--file=folder", "-n", "shop", "-l", "app in (a,b)", "--service", "a:1=b:2",
            "--service", "c:3/udp=d:4", "--publish", "a:1=5", "--connections", "--demo-pods=missing", "--output",
            "json",
            "--drain-timeout", "1m0s", "--log-format=json", "--balancing", "least-connections")
        #expect(command.selection.files == ["-", "more.yaml", "folder"])
        #expect(command.selection.defaultNamespace == "shop")
        #expect(command.selection.includes(namespace: "shop", labels: ["app": "b"]))
        #expect(!command.selection.includes(namespace: "shop", labels: ["app": "c"]))
        #expect(!command.selection.includes(namespace: "other", labels: ["app": "b"]))
        #expect(command.lone.services.map(\.name) == ["a", "c"])
        #expect(command.ports.publish.map(\.description) == ["a:1=5"])
        #expect(command.view.connections && command.local.demoPods == .missing)
        #expect(command.printing.output == .json && command.logging.format == .json)
        #expect(command.carrying.drainTimeout.duration == .seconds(60))
        #expect(command.carrying.balancing == .leastConnections)
    }

    @Test("Ports of one --service Service are told apart by number, and one that is given twice is a mistake")
    func portsOfOneService() throws {
        let two = try dev("--service", "a:1=b:2", "--service", "a:3=b:4", "--service", "c:5=b:6")
        let services = two.lone.staticServices(defaultNamespace: "default")
        #expect(services.map(\.id.name.port) == ["1", "3", ""] && Set(services.map(\.id)).count == 3)
        _ = try dev("--service", "a:1=b:2", "--service", "a:1/udp=b:2", "--service", "other/a:1=b:2")
        #expect(
            complaint("dev", "--service", "a:1=b:2", "--service", "default/a:1=c:2")?.contains(
                "--service: default/a:1 is given twice; name all of its endpoints at once") == true)
    }

    @Test("A file that is read is not written, and no file is for two things")
    func writtenFiles() throws {
        let folder = try TemporaryDirectory()
        try folder.write("{}", to: "m/a.yaml")
        let (folderOfAll, file, other) = (folder.file("m"), folder.file("m/a.yaml"), folder.file("services"))
        let words = "would replace what is read there"
        #expect(complaint("dev", "-f", file, "--env-file", file)?.contains("--env-file \(file) \(words)") == true)
        #expect(complaint("dev", "-f", folderOfAll, "--hosts-file", file)?.contains(words) == true)
        #expect(complaint("dev", "-f", folderOfAll, "--env-file", folder.file("m/new.json"))?.contains(words) == true)
        #expect(
            complaint("dev", "--kubeconfig", file, "--env-file", folder.file("m/../m/a.yaml"))?.contains(words) == true)
        #expect(
            complaint("dev", "-f", file, "--env-file", other, "--hosts-file", other)?.contains("the same file") == true)
        _ = try dev("-f", folderOfAll, "--env-file", folder.file("m/services.env"), "--hosts-file", other)
        let name = "not-there-\(getpid())"
        #expect(
            complaint("dev", "-f", file, "--env-file", name, "--hosts-file", "./\(name)")?.contains("the same file")
                == true)
    }

    @Test func allNamespacesAreTheSameAsNone() throws {
        for flag in ["-A", "--all-namespaces"] {
            #expect(try dev("-f", "x", flag).selection.includes(namespace: "any", labels: [:]))
        }
        #expect(complaint("dev", "-f", "x", "-A", "-n", "shop")?.contains("leave out one") == true)
    }

    @Test(
        "-v alone is -v1, and what is no level is told",
        arguments: [
            (["-v"], ["-v1"]), (["--v", "-f", "x"], ["-v1", "-f", "x"]), (["-v", "4"], ["-v", "4"]),
            (["-v", "-1"], ["-v", "-1"]), (["-v", "high"], ["-v", "high"]), (["-v2"], ["-v2"]),
            (["a", "--", "-v"], ["a", "--", "-v"]),
        ] as [([String], [String])])
    func verbosityAlone(arguments: [String], normalized: [String]) {
        #expect(LoggingOptions.normalized(arguments) == normalized)
    }

    @Test func namesAreOptional() throws {
        let none = try dev("-f", "x")
        #expect(none.names.dns == nil && none.names.envFile == nil && none.command.isEmpty)
        let all = try dev("-f", "x", "--dns", "[::1]:5353", "--dns-domain=k8s.test.", "--env-file", "a.env")
        #expect(all.names.dns?.description == "[::1]:5353")
        #expect(all.names.dnsDomain?.description == "k8s.test.")
        #expect(all.names.envFile == "a.env")
        #expect(try dev("-f", "x", "--dns", "0").names.dns?.description == "127.0.0.1:0")
        #expect(try dev("-f", "x", "--dns", "localhost:53").names.dns?.description == "127.0.0.1:53")
    }

    @Test("A proxy beyond loopback needs a password, and its other flags need a proxy")
    func forwardProxy() throws {
        let none = try dev("-f", "x")
        #expect(none.forwarding.socks == nil && !none.sharing.share)
        for (text, addresses) in [
            ("1080", ["127.0.0.1:1080", "[::1]:1080"]), ("localhost:0", ["127.0.0.1:0", "[::1]:0"]),
            ("127.64.0.1:80", ["127.64.0.1:80"]), ("[::1]:1", ["[::1]:1"]),
        ] {
            #expect(try dev("-f", "x", "--socks", text).forwarding.socks?.addresses.map(\.description) == addresses)
        }
        for place in ["0.0.0.0:1080", "[::]:1080", "192.168.1.2:1080"] {
            #expect(throws: (any Error).self) { try dev("-f", "x", "--socks", place) }
            #expect(throws: (any Error).self) { try dev("-f", "x", "--socks", place, "--share") }
            _ = try dev("-f", "x", "--socks", place, "--socks-password-file", "p")
        }
        for others in [["--socks-open"], ["--socks-password-file", "p"]] {
            #expect(throws: (any Error).self) { try Portico.parseAsRoot(["dev", "-f", "x"] + others) }
        }
        for wrong in ["", "x", "65536", "a:1", "::1:1080"] {
            #expect(throws: (any Error).self) { try dev("-f", "x", "--socks", wrong) }
        }
    }

    @Test func whatIsBehindTheDashesIsTheCommands() throws {
        let command = try dev("-f", "x", "--", "curl", "-f", "--dns", "y", "--", "z")
        #expect(command.command == ["curl", "-f", "--dns", "y", "--", "z"])
        #expect(command.selection.files == ["x"])
    }

    @Test func severalNamespacesLeaveDefaultTheDefault() throws {
        #expect(try dev("-f", "x", "-n", "a", "-n", "b").selection.defaultNamespace == "default")
    }

    @Test(
        arguments: [
            (["-v2"], 2, .info), (["-v", "4"], 4, .debug), (["--v=2"], 2, .info), (["--v", "6"], 6, .trace),
            (["-v=5"], 5, .debug), (["-v1"], 1, .notice),
        ] as [([String], Int, Logger.Level)])
    func verbosityIsWrittenAsInKubernetes(arguments: [String], verbosity: Int, level: Logger.Level) throws {
        let command = try #require(try Portico.parseAsRoot(["version"] + arguments) as? ShowVersion)
        #expect(command.logging.verbosity == verbosity)
        #expect(LogVerbosity.level(of: command.logging.verbosity) == level)
    }

    @Test func mistakesAreOneLine() {
        let see = "; see 'portico dev --help'"
        #expect(complaint("dev", "-f", "x", "--bogus") == "portico: Unknown option '--bogus'" + see)
        #expect(
            complaint("dev", "-f", "x", "--publish", "web")
                == "portico: The value 'web' is invalid for --publish: '=' is missing: "
                + "[namespace/]name:port[/udp]=[address:]port" + see)
        #expect(
            complaint("dev", "-f", "x", "-n", "Shop")
                == "portico: The value 'Shop' is invalid for -n: 'Shop' is not a namespace: "
                + "lower-case letters, digits and '-', at most 63" + see)
        #expect(
            complaint("dev", "-f", "x", "--publish", "a:1=5", "--publish", "b:2=5")
                == "portico: --publish: 5 is given twice" + see)
        #expect(complaint("dev", "-f", "-", "-f", "-") == "portico: -f - is given twice" + see)
        #expect(complaint("dev", "-f", "x", "curl") == "portico: Unexpected argument 'curl'" + see)
        #expect(
            complaint("dev", "-f", "x", "--dns", "::1")
                == "portico: The value '::1' is invalid for --dns: an IPv6 address stands in brackets: [::1]:port" + see
        )
        #expect(
            complaint("dev", "-f", "x", "--dns-domain", "a..b")
                == "portico: The value 'a..b' is invalid for --dns-domain: 'a..b' is not a domain, such as cluster.local"
                + see)
        #expect(complaint("nonsense") == "portico: there is no subcommand 'nonsense'; see 'portico --help'")
        #expect(complaint("version", "-v", "-1")?.hasPrefix("portico: ") == true)
        #expect(complaint("check")?.contains("nothing to check") == true)
    }

    @Test("With nothing to serve, not even what KUBECONFIG names, it says what there could be")
    func nothing() async {
        await #expect(processExitsWith: .success) {
            unsetenv("KUBECONFIG")
            #expect(
                CommandLineTests().complaint("dev")
                    == "portico: nothing to serve: name manifests with -f, a cluster with --kubeconfig or --context, or a "
                    + "Service with --service, or have 'portico init' write a project file; see 'portico dev --help'")
            #expect(CommandLineTests().complaint("dev", "--", "--fiel")?.contains("nothing to serve") == true)
            setenv("KUBECONFIG", "/no/such/file", 1)
            #expect(CommandLineTests().complaint("dev") == nil)
        }
    }

    @Test("What is unknown is named first, with what it may be meant for")
    func unknownWords() {
        let see = "; see 'portico dev --help'"
        #expect(complaint("dev", "--fiel", "x") == "portico: Unknown option '--fiel' (did you mean '--file'?)" + see)
        #expect(complaint("dev", "--fiel=x", "-n", "Shop")?.contains("'--fiel' (did you mean '--file'?)") == true)
        #expect(complaint("dev", "--publish", "web", "-x") == "portico: Unknown option '-x'" + see)
        #expect(complaint("dev", "-v-1", "-nweb")?.contains("Unknown") == false)
        #expect(
            complaint("devv") == "portico: there is no subcommand 'devv' (did you mean 'dev'?); see 'portico --help'")
        #expect(complaint("daemon", "--clenup")?.contains("'--clenup' (did you mean '--cleanup'?)") == true)
        // Those of kube-proxy are known, written as Go takes them.
        #expect(complaint("daemon", "--masquerade_all", "--feature-gates=X=true")?.contains("Unknown") == false)
        #expect(UnknownWord.message(in: ["help", "nosuch"]) == "there is no subcommand 'nosuch'")
        #expect(UnknownWord.message(in: ["help", "dev"]) == nil && UnknownWord.message(in: ["help"]) == nil)
        #expect(NearMiss.of("chekc", among: ["check", "daemon"]) == "check")
        #expect(NearMiss.of("x", among: ["dev", "check"]) == nil)
    }

    @Test(
        "Every flag that a subcommand's help names is known",
        arguments: ["dev", "init", "daemon", "render", "check", "version"])
    func helpIsKnown(command: String) throws {
        let subcommands = Portico.configuration.subcommands
        let type = try #require(subcommands.first { $0.configuration.commandName == command })
        let help = Portico.helpMessage(for: type, columns: 200)
        let flags = help.split(separator: "\n").filter { $0.hasPrefix("  -") }.flatMap { line in
            line.split(separator: " ").prefix { $0.hasPrefix("-") }.flatMap { $0.split { $0 == "," || $0 == "/" } }
        }
        #expect(flags.count > 3 && (command != "dev" || flags.contains("--no-names")))
        for flag in flags {
            #expect(UnknownWord.message(in: [command, String(flag)]) == nil)
        }
        // Whatever else is wrong, a person is not told that a flag is unknown which the help has.
        #expect(complaint("dev", "--no-names")?.contains("nothing to serve") == true)
    }

    @Test("What a shell offers is taken from the command line as it stands")
    func completionWords() {
        let words = ["portico", "dev", "-f", "a", "-fb", "--file=c", "--file", "d", "-n", "shop", "--", "-f", "e"]
        #expect(Completions.values(of: ["-f", "--file"], in: words) == ["a", "b", "c", "d"])
        #expect(Completions.values(of: ["-n", "--namespace"], in: words) == ["shop"])
    }

    @Test func tcpAndUDPMayBePublishedOnOneNumber() throws {
        #expect(try dev("-f", "x", "--publish", "a:1=5", "--publish", "a:1/udp=5").ports.publish.count == 2)
        #expect(try dev("-f", "x", "--publish", "a:1=0", "--publish", "b:1=0").ports.publish.count == 2)
    }

    @Test("init takes the verbosity that every subcommand has")
    func verbosityOfInit() throws {
        let command = try #require(try Portico.parseAsRoot(["init", "-v2", "--print"]) as? Init)
        #expect(command.logging.verbosity == 2)
    }

    @Test func runTimeFailuresAreOneLineToo() {
        let line = CommandFailure.line(for: CommandFailure("no such file: x"), arguments: ["portico", "dev"])
        #expect(line == "portico: no such file: x")
    }
}
