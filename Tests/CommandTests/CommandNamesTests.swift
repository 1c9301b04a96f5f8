import APITestSupport
import Base
import Glibc
import TestSupport
import Testing

/// The names by which the program behind `portico dev --` finds Services, as a user runs it.
@Suite("Names for the program behind --", .timeLimit(.minutes(3))) struct CommandNamesTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory(readableByAll: true)
        try folder.write(service("web", "shop") + service("cart", "other"), to: "manifests/a.yaml")
    }

    private func service(_ name: String, _ namespace: String, _ spec: String = "ports: [{port: 8080}]") -> String {
        "apiVersion: v1\nkind: Service\nmetadata: {name: \(name), namespace: \(namespace)}\nspec: {\(spec)}\n---\n"
    }

    private func run(
        _ script: String, _ options: [String] = [], as launcher: [String] = []
    ) async throws -> ProgramResult {
        let files = ["-f", folder.file("manifests"), "--demo-pods"]
        return try await DevProcess(files + options + ["--", "sh", "-c", Self.find + script], launcher: launcher)
            .finished()
    }

    /// `find NAME …` asks the file of hosts, and nobody else: what is not in it would be asked of the DNS, which may be slow or know it.
    private static let find = "find() { getent -s hosts:files hosts \"$@\"; }; "

    /// What starts it: nothing, for this process's user, or what makes it an ordinary one's.
    private static let users = geteuid() == 0 ? [[], OrdinaryUser.launcher] : [[]]

    @Test(
        "It finds them by every form of their names, and the system is left alone",
        .requires(.mountNamespaces, .userNamespaces), arguments: users)
    func found(user: [String]) async throws {
        let before = try text("/etc/hosts")
        let all = "web.shop web.shop.svc web.shop.svc.cluster.local cart.other"
        let result = try await run("find \(all) && ! find web && exit 6", as: user)
        #expect(result.status == 6, "\(result.errors)")
        #expect(result.output.split(separator: "\n").allSatisfy { $0.hasPrefix("127.") })
        let own = try await run("find web web.shop && ! find cart.other && exit 6", ["-n", "shop"], as: user)
        #expect(own.status == 6, "\(own.errors)")
        #expect(try text("/etc/hosts") == before)
    }

    @Test(
        "It speaks to one by its name, and others of other namespaces by theirs",
        .requires(.mountNamespaces, .userNamespaces, .tool("curl")), arguments: users)
    func reached(user: [String]) async throws {
        let server = try ScriptedServer.identity("pod a")
        let script = "curl -s --http0.9 telnet://web:$WEB_SERVICE_PORT < /dev/null; find cart.shop"
        let process = try DevProcess(
            [
                "--service", "web:8080=127.0.0.1:\(server.port)", "--service", "shop/cart:8080=127.0.0.1:9", "--",
                "sh", "-c", Self.find + script,
            ], launcher: user)
        let result = try await process.finished()
        #expect(result.status == 0 && result.output.hasPrefix("pod a127."), "\(result.output) \(result.errors)")
    }

    @Test(
        "What comes later is found later, and what goes is not found any more",
        .requires(.mountNamespaces, .userNamespaces), arguments: users)
    func followed(user: [String]) async throws {
        let script = """
            echo up; until find late.shop; do sleep 0.05; done
            while find web > /dev/null; do sleep 0.05; done; find late
            """
        let process = try DevProcess(
            ["-f", folder.file("manifests"), "-n", "shop", "--", "sh", "-c", Self.find + script], launcher: user)
        try await process.waitFor("up")
        try folder.write(service("late", "shop"), to: "manifests/b.yaml")
        try await process.waitFor("late.shop.svc.cluster.local")
        folder.remove("manifests/a.yaml")
        #expect(try await process.finished().status == 0)
    }

    @Test(
        "Headless Services have the addresses of their pods, and other names those of what they name",
        .requires(.mountNamespaces))
    func others() async throws {
        let slice = """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
            addressType: IPv4
            ports: [{name: "", port: 5432}]
            endpoints: [{addresses: [10.0.0.1], hostname: db-0}, {addresses: [10.0.0.2], hostname: db-1}]
            ---

            """
        let more =
            service("db", "shop", "clusterIP: None, ports: [{port: 5432}]") + slice
            + service("front", "shop", "type: ExternalName, externalName: web.shop.svc.cluster.local")
            + service("mail", "shop", "type: ExternalName, externalName: mail.example.com")
        try folder.write(more, to: "manifests/more.yaml")
        let script =
            Self.find + "find db-1.db && find front web && grep -c ' db$' /etc/hosts; ! grep mail /etc/hosts"
        let process = try DevProcess(["-f", folder.file("manifests"), "-n", "shop", "--", "sh", "-c", script])
        let result = try await process.finished()
        let lines = result.output.split(separator: "\n")
        try #require(result.status == 0 && lines.count == 4, "\(result.output) \(result.errors)")
        #expect(lines[0].hasPrefix("10.0.0.2 ") && lines[3] == "2")
        #expect(lines[1].split(separator: " ").first == lines[2].split(separator: " ").first)
        #expect(result.errors.contains("shop/mail (mail.example.com)"))
    }

    @Test(
        "It is otherwise run as without names: user, folder, status, signals, a program that is not there",
        .requires(.mountNamespaces, .userNamespaces), arguments: users)
    func unchanged(user: [String]) async throws {
        // The last ones are its process group, its session and its terminal.
        let script = "id -u; id -g; pwd; cut -d' ' -f5-7 /proc/self/stat; exit 9"
        let with = try await run(script, as: user)
        let without = try await run(script, ["--no-names"], as: user)
        #expect(with.status == 9 && without.status == 9)
        #expect(with.output == without.output && with.output.split(separator: "\n").count == 4)
        #expect(try await run("kill -TERM $$", as: user).status == 143)
        // Folders on PATH that are closed to the user would be another error.
        let missing = try await DevProcess(
            ["--service", "web:1=127.0.0.1:9", "--", "no-such-program"],
            launcher: user + ["env", "PATH=/usr/bin:/bin"]
        ).finished()
        #expect(missing.status == 127)
        #expect(missing.errors.contains("portico: cannot run 'no-such-program': No such file or directory\n"))
    }

    @Test("--no-names leaves its files alone")
    func noNames() async throws {
        let result = try await run("cat /etc/hosts; echo $WEB_SERVICE_HOST", ["--no-names", "-n", "shop"])
        #expect(result.status == 0)
        #expect(try result.output.hasPrefix(text("/etc/hosts")) && result.output.contains("127."))
        #expect(!result.output.contains("cluster.local"))
    }

    /// In a user namespace of its own, where making others is switched off, for it alone.
    @Test("Where namespaces are forbidden a line says why, and it has the variables", .requires(.root, .userNamespaces))
    func forbidden() async throws {
        let off = "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all \"$@\""
        let result = try await DevProcess(
            [
                "--service", "web:8080=127.0.0.1:9", "--", "sh", "-c",
                Self.find + "env | grep WEB_SERVICE_HOST; ! find web",
            ],
            launcher: [
                "unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c", off, "sh",
            ]
        ).finished()
        #expect(
            result.status == 0 && result.output.hasPrefix("WEB_SERVICE_HOST=127."), "\(result.output) \(result.errors)")
        let lines = result.errors.split(separator: "\n").filter { $0.contains("and not by their names") }
        #expect(lines.count == 1, "\(result.errors)")
    }

    @Test("--hosts-file has the same lines, without those of the system, and is kept up to date")
    func file() async throws {
        let path = folder.file("services.hosts")
        let process = try DevProcess(["-f", folder.file("manifests"), "-n", "shop", "--hosts-file", path])
        try await process.waitFor(" served.")
        let first = try text(path)
        #expect(
            first.contains("\tweb.shop.svc.cluster.local web.shop.svc web.shop web\n") && !first.contains("localhost"))
        let old = open(path, O_RDONLY)
        defer { close(old) }
        try folder.write(service("late", "shop"), to: "manifests/b.yaml")
        #expect(await eventually(within: .seconds(20)) { (try? text(path).contains("late.shop")) == true })
        var status = stat()
        #expect(
            fstat(old, &status) == 0 && status.st_nlink == 0 && status.st_size == first.utf8.count,
            "replaced as a whole")
        #expect(try await process.end().status == 0)
        let wrong = try await DevProcess(["--service", "a:1=127.0.0.1:9", "--hosts-file", "/dev/null"]).finished()
        #expect(wrong.errors == "portico: --hosts-file /dev/null: it exists and is not a file\n")
    }

    @Test(
        "Ports that may not keep their numbers are told with what would let them",
        .requires(.networkNamespaces, .tool("ip"), .tool("setpriv")))
    func lowPorts() async throws {
        let process = try DevProcess(
            ["--service", "web:81=127.0.0.1:9", "--service", "tls:444=127.0.0.1:9"],
            launcher: DevProcess.withoutLowPorts + OrdinaryUser.launcher)
        try await process.waitFor("Ready.")
        try await process.waitForErrors("net.ipv4.ip_unprivileged_port_start=81'")
        let result = try await process.end()
        #expect(result.errors.contains("setcap cap_net_bind_service=+ep \(try DevProcess.program())'"))
        #expect(result.errors.split(separator: "\n").count { $0.contains("(81, 444)") } == 1)
    }

    private func text(_ path: String) throws -> String { String(decoding: try contents(of: path), as: UTF8.self) }
}
