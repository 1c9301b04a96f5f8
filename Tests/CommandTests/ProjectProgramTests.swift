import Glibc
import TestSupport
import Testing

/// `portico.yaml` and `portico init`, as a user has them.
@Suite("Project files, run as a user runs them", .timeLimit(.minutes(2))) struct ProjectProgramTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory(readableByAll: true)
        try folder.write("", to: ".git/HEAD")
        try folder.write(
            "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [{port: 8080}]}\n",
            to: "deploy/base/web.yaml")
        try folder.write("", to: "src/deep/file")
    }

    /// Runs the program in a folder of the project, for a user who has named no cluster.
    private func run(
        _ arguments: [String], in name: String = ".", as launcher: [String] = []
    ) async throws -> ProgramResult {
        let line =
            try launcher + ["sh", "-c", "cd \"$0\" && exec \"$@\"", folder.file(name), DevProcess.program()] + arguments
        let child = try ChildProcess(
            try #require(findProgram(line[0])), Array(line.dropFirst()), environment: ["KUBECONFIG": ""])
        child.closeInput()
        return try await child.finished()
    }

    @Test("dev alone does what the file says, in its folder and in those below it")
    func used() async throws {
        try folder.write(
            """
            manifests: deploy
            recursive: true
            namespaces: shop
            demoPods: true
            command: pwd; echo $WEB_SERVICE_HOST
            """, to: "portico.yaml")
        for name in [".", "src/deep"] {
            let result = try await run(["dev"], in: name)
            #expect(result.status == 0, "\(result.errors)")
            let lines = result.output.split(separator: "\n")
            #expect(lines.count == 2 && lines[0] == folder.path && lines[1].hasPrefix("127."), "\(result.output)")
            #expect(result.errors.contains("portico.yaml says what is not on the command line"))
        }
        let other = try await run(["dev", "--", "pwd"], in: "src/deep")
        #expect(
            other.status == 0 && other.output == folder.file("src/deep") + "\n",
            "a command of one's own is where one is")
        let none = try await run(["dev", "--no-project"])
        #expect(none.status == 64 && none.errors.contains("nothing to serve"))
    }

    @Test("Mistakes end it, with file and line")
    func mistakes() async throws {
        try folder.write("manifests: deploy\npublish: [x]\nnmaes: true\n", to: "portico.yaml")
        let result = try await run(["dev"], in: "src")
        #expect(result.status == 1)
        let path = folder.file("portico.yaml")
        #expect(result.errors.contains("portico: \(path):2: publish: "), "\(result.errors)")
        #expect(result.errors.contains("portico: \(path):3: nmaes: is not known; did you mean names?\n"))
    }

    @Test("A file that others may write is refused")
    func open() async throws {
        let path = try folder.write("services: ['web:1=127.0.0.1:9']\ncommand: [echo, ran]\n", to: "portico.yaml")
        chmod(path, 0o666)
        let refused = try await run(["dev"])
        #expect(
            refused.status == 1 && refused.output.isEmpty && refused.errors.contains("can name a program to run"),
            "\(refused.errors)")
        chmod(path, 0o644)
        #expect(try await run(["dev"]).output == "ran\n")
    }

    @Test("One that is somebody else's is refused, and not to whom it belongs", .requires(.root, .ordinaryUser))
    func othersFile() async throws {
        let path = try folder.write("services: ['web:1=127.0.0.1:9']\ncommand: [echo, ran]\n", to: "portico.yaml")
        chown(path, OrdinaryUser.id, OrdinaryUser.id)
        let others = try await run(["dev"])
        #expect(
            others.status == 1 && others.output.isEmpty && others.errors.contains("belongs to user \(OrdinaryUser.id)"))
        #expect(try await run(["dev"], as: OrdinaryUser.launcher).output == "ran\n")
    }

    @Test("init beside the manifests writes one that dev does not take for another of them")
    func besideManifests() async throws {
        try folder.write(
            "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {ports: [{port: 8080}]}\n",
            to: "cart.yaml")
        #expect(try await run(["init"]).status == 0)
        let used = try await run(["dev", "--", "sh", "-c", "echo $CART_SERVICE_HOST"])
        #expect(used.status == 0 && used.output.hasPrefix("127.") && !used.errors.contains("ERROR"), "\(used.errors)")
        let checked = try await run(["check"])
        #expect(checked.status == 0 && checked.output.hasPrefix("no mistakes"), "\(checked.errors)")
        // Named, it is what its text says.
        try folder.write(
            "apiVersion: v1\nkind: Service\nmetadata: {name: own}\nspec: {ports: [{port: 8080}]}\n",
            to: "deploy/portico.yaml")
        #expect(try await run(["check", "-f", "deploy/portico.yaml"]).output.contains("in 1 Service "))
        #expect(try await run(["check", "-f", "deploy"]).output.contains("in 0 Services "))
    }

    @Test("Where there is no room, init leaves no half of a file behind")
    func noRoom() async throws {
        let full = try await run(["init"], as: ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        #expect(full.status == 1 && full.errors == "portico: cannot write portico.yaml: File too large\n")
        #expect(access(folder.file("portico.yaml"), F_OK) != 0)
        #expect(try await run(["init"]).status == 0)
    }

    @Test("What is run by a line for a shell is called by the line's first word, and pods can be left out for once")
    func calledByItsName() async throws {
        try folder.write(
            "manifests: deploy\nrecursive: true\ndemoPods: true\ncommand: echo ran\n", to: "portico.yaml")
        let result = try await run(["dev"])
        #expect(result.status == 0 && result.errors.contains("Running echo."), "\(result.errors)")
        #expect(result.errors.contains("\nReady."))
        let without = try await run(["dev", "--demo-pods", "none"])
        #expect(without.status == 0 && without.errors.contains("Not ready:"), "\(without.errors)")
    }

    @Test("init writes one that dev uses, and never in the place of another")
    func written() async throws {
        try folder.write("services:\n  db: {image: postgres}\n", to: "compose.yaml")
        let printed = try await run(["init", "--print"])
        #expect(printed.status == 0 && access(folder.file("portico.yaml"), F_OK) != 0)
        let written = try await run(["init"])
        #expect(
            written.output == "portico.yaml has been written; 'portico dev' serves 1 Service\n", "\(written.errors)")
        let used = try await run(["dev", "--", "sh", "-c", "echo $WEB_SERVICE_HOST"], in: "src")
        #expect(used.status == 0 && used.output.hasPrefix("127."), "\(used.errors)")
        let again = try await run(["init"])
        #expect(again.status == 1 && again.errors.contains("portico.yaml is there already"))
        let empty = try await run(["init"], in: "src")
        #expect(empty.status == 1 && empty.errors.contains("no Service in any"))
    }
}
