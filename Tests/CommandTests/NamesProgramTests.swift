import Glibc
import TestSupport
import Testing

/// `portico dev --env-file` and `--dns`, run as a user runs it.
@Suite(.timeLimit(.minutes(2))) struct NamesProgramTests {
    private func service(_ name: String, _ spec: String = "ports: [{name: http, port: 8080}]") -> String {
        "apiVersion: v1\nkind: Service\nmetadata: {name: \(name)}\nspec: {\(spec)}\n---\n"
    }

    private let slice = """
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: db-1, labels: {kubernetes.io/service-name: db, service.kubernetes.io/headless: ""}}
        addressType: IPv4
        ports: [{name: sql, port: 5432}]
        endpoints:
        - {addresses: [10.0.0.1], hostname: db-0}
        - {addresses: [10.0.0.2], targetRef: {kind: Pod, name: db-x7k2p}}
        """

    private func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var text: [UInt8] = []
        while case let byte = getc(file), byte != EOF { text.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: text, as: UTF8.self)
    }

    @Test("A file that cannot be written is said once, and that it is written again too")
    func unwritable() async throws {
        let folder = try TemporaryDirectory(readableByAll: true)
        try folder.write(service("web"), to: "manifests/web.yaml")
        let path = try folder.write("", to: "files/services.env")
        let session = try DevProcess(["-f", folder.file("manifests"), "--env-file", path, "--demo-pods"])
        try await session.waitFor(" served.")
        try #require(rename(folder.file("files"), folder.file("away")) == 0)
        try folder.write(service("late"), to: "manifests/late.yaml")
        let words = "--env-file \(path): cannot be written: No such file or directory\n"
        try await session.waitForErrors(words)
        // It is tried again with every change, and every few seconds.
        for number in 0..<3 {
            try folder.write(service("late\(number)"), to: "manifests/late\(number).yaml")
            try await session.waitFor("late\(number)")
        }
        try #require(rename(folder.file("away"), folder.file("files")) == 0)
        try await session.waitForErrors("no longer: \(words)")
        #expect(read(path).contains("LATE2_SERVICE_HOST="))
        let told = try await session.end().errors.split(separator: "\n").count { $0.contains(words.dropLast()) }
        #expect(told == 2)
    }

    @Test func theFileIsReplacedWhenServicesChange() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(service("web"), to: "manifests/web.yaml")
        try folder.write("what was there before", to: "real.env")
        #expect(symlink("real.env", folder.file("link.env")) == 0)
        let process = try DevProcess(["-f", folder.file("manifests"), "--env-file", folder.file("link.env")])
        try await process.waitFor(" served.")
        let first = read(folder.file("real.env"))
        #expect(first.hasPrefix("WEB_SERVICE_HOST=127."))
        #expect(first.split(separator: "\n").allSatisfy { $0.wholeMatch(of: /WEB_[A-Z0-9_]+=[a-z0-9.:\/]+/) != nil })

        // Whoever has the old file open goes on reading that.
        let old = open(folder.file("real.env"), O_RDONLY)
        defer { close(old) }
        try folder.write(service("cart"), to: "manifests/cart.yaml")
        #expect(await eventually(within: .seconds(20)) { read(folder.file("link.env")).contains("CART_SERVICE_HOST=") })
        #expect(read(folder.file("real.env")).hasSuffix(first), "sorted by name, and web is where it was")
        var target = [CChar](repeating: 0, count: 64)
        #expect(readlink(folder.file("link.env"), &target, 63) == 8, "the link is still one")
        var status = stat()
        #expect(fstat(old, &status) == 0 && status.st_nlink == 0 && status.st_size == first.utf8.count)
        #expect(try await process.end().status == 0)
    }

    @Test func aFileThatCannotBeWrittenIsAFailureAtStart() async throws {
        let process = try DevProcess(["--service", "a:1=127.0.0.1:9", "--env-file", "/no/such/folder/x"])
        let result = try await process.finished()
        #expect(result.status == 1)
        #expect(
            result.errors == "portico: --env-file /no/such/folder/x: cannot be written: No such file or directory\n")
    }

    @Test(.requires(.tool("dig"))) func digFindsServices() async throws {
        let folder = try TemporaryDirectory()
        let headless = service("db", "clusterIP: None, ports: [{name: sql, port: 5432}]")
        try folder.write(service("web") + headless + slice, to: "a.yaml")
        let process = try DevProcess(["-f", folder.path, "--dns", "0", "--output", "json"])
        try await process.waitFor(#""dns":"127.0.0.1:"#)
        let port = try dnsPort(of: process)
        // Another Portico on this machine may have port 8080.
        let pattern = /default\/web:http".*?"addresses":\["(127[0-9.]+):([0-9]+)"/
        let (_, address, served) = try #require(process.child.output.firstMatch(of: pattern)).output

        for name in ["web.default", "web.default.svc", "web.default.svc.cluster.local"] {
            #expect(try await Dig.ask([name], port: port).values == [String(address)])
            #expect(try await Dig.ask([name, "+tcp"], port: port).values == [String(address)])
        }
        let location = try await Dig.ask(["_http._tcp.web.default.svc.cluster.local", "SRV"], port: port)
        #expect(location.answers.first?.hasSuffix("IN SRV 0 0 \(served) web.default.svc.cluster.local.") == true)
        #expect(Set(try await Dig.ask(["db.default"], port: port).values) == ["10.0.0.1", "10.0.0.2"])
        #expect(try await Dig.ask(["db-0.db.default.svc.cluster.local"], port: port).values == ["10.0.0.1"])
        #expect(try await Dig.ask(["db-x7k2p.db.default"], port: port).values == ["10.0.0.2"])
        #expect(try await Dig.ask(["cart.default.svc.cluster.local"], port: port).status == "NXDOMAIN")
        #expect(try await Dig.ask(["example.com"], port: port).status == "REFUSED")

        try folder.write(service("cart"), to: "cart.yaml")
        #expect(
            try await eventually(within: .seconds(20)) {
                try await Dig.ask(["cart.default.svc.cluster.local"], port: port).values.count == 1
            })
        #expect(try await process.end().status == 0)
    }

    @Test(.requires(.tool("dig"))) func anotherDomainAndAnotherAddress() async throws {
        let port = try freePort(on: "127.0.0.2")
        let process = try DevProcess([
            "--service", "shop/web:8080=127.0.0.1:9", "--dns", "127.0.0.2:\(port)", "--dns-domain", "k8s.test",
        ])
        try await process.waitFor("Ready.")
        #expect(process.child.output.contains("DNS on 127.0.0.2:\(port), UDP and TCP."))
        #expect(try await Dig.ask(["web.shop.svc.k8s.test"], port: port, on: "127.0.0.2").values.count == 1)
        #expect(try await Dig.ask(["web.shop.svc.cluster.local"], port: port, on: "127.0.0.2").status == "REFUSED")
        #expect(try await process.end().status == 0)
    }

    @Test func aTakenPortIsAFailureAtStart() async throws {
        let holder = try ScriptedServer.echo()
        let process = try DevProcess(["--service", "a:1=127.0.0.1:9", "--dns", "\(holder.port)"])
        let result = try await process.finished()
        #expect(result.status == 1)
        #expect(
            result.errors
                == "portico: --dns 127.0.0.1:\(holder.port): listen on 127.0.0.1:\(holder.port): Address already in use\n"
        )
    }

    private func dnsPort(of process: DevProcess) throws -> UInt16 {
        let match = try #require(process.child.output.firstMatch(of: /"dns":"127\.0\.0\.1:([0-9]+)"/))
        return try #require(UInt16(match.1))
    }
}
