import Base
import EventLoop
import Glibc
import TestSupport
import Testing

/// Host names of `--service`, and a DNS server that says nothing for longer than anybody waits.
@Suite("Host names and a silent resolver", .timeLimit(.minutes(3))) struct HostNameProgramTests {
    /// Where the queries go; bound by ``server(_:)``.
    private static let address = "127.9.9.53"

    /// A session that asks there, and would ask for minutes.
    private func dev(_ folder: TemporaryDirectory, _ arguments: [String]) throws -> DevProcess {
        let resolver = try folder.write(
            "nameserver \(Self.address)\noptions timeout:30 attempts:5\n", to: "resolv.conf")
        let hosts = try folder.write("127.0.0.1 localhost\n", to: "hosts")
        let script = "mount --bind \(resolver) /etc/resolv.conf && mount --bind \(hosts) /etc/hosts && exec \"$@\""
        return try DevProcess(arguments, launcher: ["unshare", "--mount", "sh", "-c", script, "sh"])
    }

    @Test("Ctrl-C ends it while names are looked up at the start", .requires(.root, .mountNamespaces))
    func atTheStart() async throws {
        let folder = try TemporaryDirectory(readableByAll: true)
        let server = try UDPServer(.collect, on: Self.address, port: 53)
        let session = try dev(folder, ["--service", "db:5432=db.example:5432"])
        #expect(await eventually(within: .seconds(30)) { server.arrivals.datagrams > 0 })
        let result = try await session.end()
        // It waits for a moment only, and the signal may come after that.
        let isEarly = result.status == 128 + SIGINT && result.errors.contains("before anything was served")
        #expect(isEarly || (result.status == 0 && result.output.contains(" served.")), "\(result.errors)")
    }

    @Test("What needs no name does not wait for those that do", .requires(.root, .mountNamespaces))
    func others() async throws {
        let folder = try TemporaryDirectory(readableByAll: true)
        let server = try UDPServer(.collect, on: Self.address, port: 53)
        let pod = try ScriptedServer.identity("pod")
        let port = try freePort()
        let session = try dev(
            folder,
            [
                "--service", "db:5432=db.example:5432", "--service", "web:80=127.0.0.1:\(pod.port)",
                "--publish", "web:80=\(port)", "--", "sh", "-c", "echo begun; exec sleep 600",
            ])
        // With this resolver the names would take minutes.
        try await session.waitFor("begun")
        #expect(server.arrivals.datagrams > 0)
        try await session.waitForErrors("the resolver has not answered yet")
        let peer = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(try await peer.finished().received.text == "pod")
        session.child.signal(SIGTERM)
        _ = try await session.finished()
    }

    @Test(
        "While names are looked up again, changes are served and Ctrl-C ends it", .requires(.root, .mountNamespaces))
    func later() async throws {
        let folder = try TemporaryDirectory(readableByAll: true)
        // Nobody is there at first, which the kernel says at once.
        let session = try dev(folder, ["--service", "db:5432=db.example:5432", "-f", folder.path])
        try await session.waitFor(" served.")
        let server = try UDPServer(.collect, on: Self.address, port: 53)
        #expect(await eventually(within: .seconds(60)) { server.arrivals.datagrams > 0 })
        try folder.write(
            "apiVersion: v1\nkind: Service\nmetadata: {name: late}\nspec: {ports: [{port: 8080}]}\n", to: "late.yaml")
        try await session.waitFor("default/late")
        let result = try await session.end()
        #expect(result.status == 0, "\(result.errors)")
    }
}
