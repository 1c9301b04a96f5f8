import ArgumentParser
import Glibc
import Objects
import TestSupport
import Testing

@testable import portico

/// The program itself, run as a user runs it.
@Suite struct ProgramTests {
    private static func run(
        _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> ProgramResult {
        try await run(arguments, environment)
    }

    private static func run(_ arguments: [String], _ environment: [String: String]) async throws -> ProgramResult {
        let child = try ChildProcess(DevProcess.program(), arguments, environment: environment)
        child.closeInput()
        return try await child.finished()
    }

    @Test func versionAndHelpGoToStandardOutput() async throws {
        for arguments in ["version", "--version", "--help"] {
            let result = try await Self.run(arguments)
            #expect(result.status == 0)
            #expect(result.errors.isEmpty)
            #expect(result.output.contains("portico"))
        }
        #expect(try await Self.run("version", "--output", "json").output.hasPrefix(#"{"version":""#))
    }

    @Test func helpTeachesByExample() async throws {
        for command in ["dev", "daemon", "render", "check", "version"] {
            let help = try await Self.run(command, "--help")
            #expect(help.status == 0)
            #expect(help.output.contains("EXAMPLES"))
            #expect(help.output.contains("portico \(command)"))
            let words = help.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(!words.contains(/\(default: [^)]*\) \(default:/), "a default is told once")
            #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
        }
    }

    @Test("check says what a node would refuse, which is no mistake on a developer's machine")
    func checkSaysWhatANodeRefuses() async throws {
        let folder = try TemporaryDirectory()
        let manifest = """
            apiVersion: v1
            kind: Service
            metadata: {name: web}
            spec: {clusterIP: 127.0.0.1, ports: [{port: 80}]}
            ---
            apiVersion: v1
            kind: Endpoints
            metadata: {name: web}
            subsets: [{addresses: [{ip: 169.254.169.254}], ports: [{port: 80}]}]
            """
        try folder.write(manifest, to: "web.yaml")
        let refusals = [
            "portico daemon: cluster IP 127.0.0.1 is refused: it is a loopback address",
            "portico daemon: port 80: endpoint 169.254.169.254:80 is refused: it is a link-local address",
        ]
        let text = try await Self.run("check", "-f", folder.file("web.yaml"))
        #expect(text.status == 0)
        for refusal in refusals {
            #expect(text.errors.contains("web.yaml:1: document 1, Service default/web: \(refusal)\n"))
        }
        let json = try await Self.run("check", "--output", "json", "-f", folder.file("web.yaml"))
        for refusal in refusals { #expect(json.output.contains(#""message":"\#(refusal)""#)) }
        #expect(json.output.contains(#""errors":0,"warnings":2"#))
    }

    @Test func usageErrorsAreOneLineAndStatus64() async throws {
        let result = try await Self.run("dev", "-f", "x", "--nonsense")
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.errors == "portico: Unknown option '--nonsense'; see 'portico dev --help'\n")
    }

    @Test("Examples keep their shape in a terminal of 80 columns")
    func shape() {
        // Not by key paths, which the compiler does not survive here.
        var commands = [Portico.configuration]
        for subcommand in Portico.configuration.subcommands { commands.append(subcommand.configuration) }
        for command in commands {
            // What stands before the first heading is text, which is wrapped.
            let lines = command.discussion.split(separator: "\n").drop { !$0.hasPrefix("EXAMPLES") }
            #expect(!lines.isEmpty, "\(command.commandName ?? "")")
            for line in lines { #expect(line.count <= 80, "\(line)") }
        }
    }

    @Test("Help for what there is not is a mistake")
    func helpForNothing() async throws {
        let result = try await Self.run("help", "nosuch")
        #expect(result.status == 64 && result.output.isEmpty)
        #expect(result.errors == "portico: there is no subcommand 'nosuch'; see 'portico --help'\n")
        #expect(try await Self.run("help", "dev").output.contains("EXAMPLES"))
    }

    @Test("Namespaces and ports are offered from the manifests at hand, and programs behind --")
    func completions() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(
            """
            apiVersion: v1
            kind: Service
            metadata: {name: cart, namespace: shop}
            spec: {ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]}
            """,
            to: "cart.yaml")
        func offered(_ argument: String, _ words: String...) async throws -> [Substring] {
            let index = "\(words.count - 1)"
            return try await Self.run(
                ["---completion", "dev", "--", argument, index, "\(words.last?.count ?? 0)"] + words,
                ["SAP_SHELL": "bash"]
            ).output.split(separator: "\n")
        }
        #expect(try await offered("--namespace", "portico", "dev", "-f", folder.path, "-n", "") == ["shop"])
        #expect(
            try await offered("--publish", "portico", "dev", "-f", folder.path, "--publish", "")
                == ["shop/cart:53/udp=8053", "shop/cart:80=8080"])
        #expect(
            try await offered("--publish", "portico", "dev", "-f", folder.path, "-n", "shop", "--publish", "").first
                == "cart:53/udp=8053")
        #expect(try await offered("positional@0", "portico", "dev", "-f", "x", "--", "sleep").contains("sleep"))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionScriptsAreMade(shell: String) async throws {
        let result = try await Self.run("--generate-completion-script", shell)
        #expect(result.status == 0)
        #expect(result.output.contains("drain-timeout"))
    }
}
