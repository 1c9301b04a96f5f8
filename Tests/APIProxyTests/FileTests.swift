import APITestSupport
import Glibc
import TestSupport
import Testing

@testable import APIProxy

@Suite("Static files and sockets")
struct FileTests {
    private func rig(_ folder: TemporaryDirectory) async throws -> Rig {
        try await Rig(of: 1) { settings in
            settings.placement = Placement(filePrefix: "/files")
            settings.files = try? StaticFiles(folder.file("www"))
        }
    }

    @Test("Files with their type, folders with a list or their index")
    func served() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("kind: Service\n", to: "www/svc.yaml")
        try folder.write("<p>", to: "www/site/index.html")
        try folder.write("x", to: "www/list/a&b <1>.txt")
        try folder.write("y", to: "www/list/sub:dir/y")
        let rig = try await rig(folder)
        let file = try await rig.ask("GET", "/files/svc.yaml")
        #expect(file.status == 200 && file.body == "kind: Service\n")
        #expect(file.header("content-type") == "application/x-yaml" && file.header("content-length") == "14")
        let modified = try #require(file.header("last-modified"))
        #expect(try await rig.ask("GET", "/files/svc.yaml", [("If-Modified-Since", modified)]).status == 304)
        let head = try await rig.ask("HEAD", "/files/svc.yaml")
        #expect(head.header("content-length") == "14" && head.body.isEmpty)
        #expect(try await rig.ask("GET", "/files/site/").body == "<p>")
        #expect(try await rig.ask("GET", "/files/site?x").header("location") == "/files/site/?x")
        let list = try await rig.ask("GET", "/files/list/")
        #expect(list.body.contains(#"<a href="a&amp;b%20%3C1%3E.txt">a&amp;b &lt;1&gt;.txt</a>"#))
        #expect(list.body.contains(#"<a href="sub%3Adir/">sub:dir/</a>"#))
        #expect(try await rig.ask("GET", "/files/list/a&b%20%3C1%3E.txt").body == "x")
        for path in ["/files/none", "/files/svc.yaml/", "/files/list/none/"] {
            #expect(try await rig.ask("GET", path).status == 404)
        }
        #expect(try await rig.ask("POST", "/files/svc.yaml", body: "").status == 405)
        #expect(try await rig.ask("GET", "/files").header("location") == "/files/")
    }

    @Test("A large file arrives whole")
    func large() async throws {
        let folder = try TemporaryDirectory()
        let text = String(repeating: "0123456789abcdef", count: 200_000)
        try folder.write(text, to: "www/large")
        #expect(try await rig(folder).ask("GET", "/files/large").body == text)
    }

    @Test("Nothing outside of the folder, by whatever way")
    func outside() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("secret", to: "secret")
        try folder.write("secret", to: "www-other/secret")
        try folder.write("inside", to: "www/inside")
        symlink(folder.file("secret"), folder.file("www/link"))
        symlink("..", folder.file("www/up"))
        symlink("inside", folder.file("www/alias"))
        mkfifo(folder.file("www/pipe"), 0o600)
        let rig = try await rig(folder)
        for path in [
            "/files/link", "/files/up/secret", "/files/%2e%2e/secret", "/files/..%2fsecret",
            "/files/%2e%2e/www-other/secret",
            "/files/a/%2e%2e/%2e%2e/secret", "/files/inside%00", "/files/pipe", "/files//%2fetc/passwd",
        ] {
            let answer = try await rig.ask("GET", path)
            #expect(answer.status == 404 || answer.status == 301, "\(path)")
            #expect(!answer.body.contains("secret") && !answer.body.contains("root:"), "\(path)")
        }
        #expect(try await rig.ask("GET", "/files/alias").body == "inside")
        #expect(try await rig.ask("GET", "/files/inside", host: "evil.example").status == 403)
        #expect(throws: ProxyFailure.self) { try StaticFiles(folder.file("none")) }
        #expect(throws: ProxyFailure.self) { try StaticFiles(folder.file("secret")) }
    }

    @Test("A Unix socket: its owner's alone, in place of one that is left, and gone in the end")
    func unixSocket() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/x", mirror)
        let folder = try TemporaryDirectory()
        let path = folder.file("proxy.sock")
        let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        close(stale)
        let rig = try await Rig(of: server.port) { $0.address = .unixSocket(path: path) }
        #expect(rig.name == path)
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let client = try await RawClient(path: path)
        try await client.send("GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(await eventually { client.hasEnded })
        #expect(client.text.contains("GET /x") && !client.text.contains("x-forwarded-for"))
        await #expect(throws: ProxyFailure.self, "somebody listens") {
            try await Rig(of: server.port) { $0.address = .unixSocket(path: path) }
        }
        await rig.end()
        #expect(lstat(path, &status) != 0)
        try folder.write("precious", to: "proxy.sock")
        let error = await #expect(throws: ProxyFailure.self) {
            try await Rig(of: server.port) { $0.address = .unixSocket(path: path) }
        }
        #expect(error?.description.contains("is no socket") == true)
        #expect(lstat(path, &status) == 0)
    }

    @Test("A port that somebody has")
    func taken() async throws {
        let server = try await ScriptedAPIServer()
        let error = await #expect(throws: ProxyFailure.self) {
            try await Rig(of: 1) { $0.address = .port(host: "127.0.0.1", port: server.port) }
        }
        #expect(
            error?.description
                == "cannot listen on 127.0.0.1:\(server.port): somebody has it already; --port 0 takes one that is free"
        )
    }
}
