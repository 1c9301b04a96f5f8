import APITestSupport
import Foundation
import TestSupport
import Testing

@testable import APIProxy

/// One recorded exchange of a client.
private struct Exchange {
    let request: [String]
    let body: String
    let answer: RecordedAnswer

    init(_ name: String) throws {
        let base = try #require(Bundle.module.resourcePath) + "/Fixtures/"
        let bytes = try contents(of: base + name)
        let text = String(decoding: bytes, as: UTF8.self)
        let start = try #require(text.firstRange(of: ">>> request\n")?.upperBound)
        let end = try #require(text[start...].firstRange(of: "\n\n")?.lowerBound)
        request = text[start..<end].split(separator: "\n").map(String.init)
        if let mark = text.firstRange(of: ">>> request body, "),
            let line = text[mark.upperBound...].firstIndex(of: "\n")
        {
            let count = Int(text[mark.upperBound...].prefix { $0.isNumber }) ?? 0
            body = String(text[text.index(after: line)...].prefix(count))
        } else {
            body = ""
        }
        answer = try RecordedAnswer(exchange: bytes)
    }

    var method: String { request[0].split(separator: " ").first.map(String.init) ?? "" }
    var target: String { request[0].split(separator: " ").dropFirst().first.map(String.init) ?? "" }

    func ask(_ rig: Rig) async throws -> RawAnswer {
        let client = try await rig.client()
        try await client.send((request + ["Connection: close"]).joined(separator: "\r\n") + "\r\n\r\n" + body)
        guard await eventually({ client.hasEnded }) else { throw ScriptError("no end of \(request[0])") }
        return try RawAnswer(client.bytes)
    }
}

private func names(_ folder: String) throws -> [String] {
    let base = try #require(Bundle.module.resourcePath) + "/Fixtures/\(folder)"
    return try FileManager.default.contentsOfDirectory(atPath: base).filter { $0.hasSuffix(".txt") }.sorted()
        .map { "\(folder)/\($0)" }
}

@Suite("What kubectl proxy was recorded to answer")
struct ReplayTests {
    /// Headers that the answers have in common.
    private func compare(_ answer: RawAnswer, _ recorded: RecordedAnswer, _ name: String, except: Set<String> = []) {
        #expect(answer.status == recorded.status, "\(name)")
        if recorded.header("content-length") != nil || !recorded.body.isEmpty {
            #expect(answer.body == String(decoding: recorded.body, as: UTF8.self), "\(name)")
        }
        for header in recorded.headers
        where !except.union(["date", "last-modified", "accept-ranges", "audit-id"]).contains(header.name.lowercased()) {
            #expect(answer.header(header.name.lowercased()) == header.value, "\(name): \(header.name)")
        }
    }

    @Test("The API, hosts, refusals and prefixes", arguments: ["127-proxy-api", "128-proxy-host", "129-proxy-prefix"])
    func passed(folder: String) async throws {
        let server = try await ScriptedAPIServer()
        for name in try names(folder) {
            let exchange = try Exchange(name)
            let path = String(exchange.target.prefix { $0 != "?" })
            server.on(exchange.method, path, .recording(exchange.answer))
        }
        server.on("GET", "/version", .recording(try Exchange("127-proxy-api/05-GET-version.txt").answer))
        let folderOfFiles = try TemporaryDirectory()
        let file = try Exchange("129-proxy-prefix/front/03-GET-files_svc.yaml.txt")
        try folderOfFiles.write(String(decoding: file.answer.body, as: UTF8.self), to: "svc.yaml")
        let rig = try await Rig(of: server.port) { settings in
            guard folder == "129-proxy-prefix" else { return }
            settings.placement = Placement(apiPrefix: "/k8s/", filePrefix: "/files/")
            settings.files = try? StaticFiles(folderOfFiles.path)
        }
        for name in try names(folder + "/front") {
            let exchange = try Exchange(name)
            let answer = try await exchange.ask(rig)
            if exchange.request.contains("Host: [::1]:8001") {
                // kubectl refuses what its own list has; we do not.
                #expect(answer.status == 200)
                continue
            }
            compare(answer, exchange.answer, name)
        }
    }

    @Test("Paths with dots")
    func cleaned() async throws {
        let exchange = try Exchange("130-svcproxy-plain/front/10-GET-services_plain_proxy_x_.._y.txt")
        let answer = try await exchange.ask(try await Rig(of: 1))
        // kubectl 1.36 says 307, those before it 301.
        #expect(answer.status == 301)
        #expect(answer.header("location") == exchange.answer.header("location"))
    }

    @Test(
        "A Service's pods, as the API server reached them",
        arguments: ["130-svcproxy-plain", "132-svcproxy-redirects", "133-svcproxy-methods"])
    func services(folder: String) async throws {
        let pod = try await ScriptedAPIServer()
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"] {
            for path in ["/", "/path/x", "/a", "/post", "/put", "/del", "/opt", "/hdr", "/head"] {
                pod.on(method, path, mirror)
            }
        }
        let moves = [
            "relative": "target/?a=b", "rooted": "/target", "abs": "http://127.0.0.1:8001/target",
            "other": "http://example.com/elsewhere",
        ]
        for (name, location) in moves {
            pod.on("GET", "/redirect-\(name)", .answer(302, headers: [("Location", location)]))
        }
        pod.on("GET", "/teapot", .answer(418, "short and stout\n"))
        pod.on("GET", "/chunked") { _, reply in
            try await reply.head(200)
            for piece in ["one\n", "two\n"] { try await reply.write(piece) }
            try await reply.end()
        }
        let rig = try await Rig(of: 1) { $0.services = NamedPorts(pod: pod.port) }
        for name in try names(folder + "/front")
        where !name.contains("html") && !name.contains("_x_..") && !name.contains("2e-2e") {
            let exchange = try Exchange(name)
            let answer = try await exchange.ask(rig)
            #expect(answer.status == exchange.answer.status, "\(name)")
            if let location = exchange.answer.header("location") {
                // The API server gives back the host that it was asked by; ours is a path.
                #expect(answer.header("location") == location.replacing("http://127.0.0.1:7080", with: ""), "\(name)")
            } else if answer.status != 200 {
                #expect(answer.body == String(decoding: exchange.answer.body, as: UTF8.self), "\(name)")
            } else if let first = exchange.answer.body.split(separator: 0x0A).first, exchange.method != "HEAD" {
                #expect(
                    answer.body.split(separator: "\n").first.map(String.init) == String(decoding: first, as: UTF8.self),
                    "\(name)")
            }
        }
    }

    @Test("Services that have nobody, or a port with a name", arguments: ["131-svcproxy", "134-svcproxy-noep"])
    func refusals(folder: String) async throws {
        let pod = try await ScriptedAPIServer()
        pod.on("GET", "/a", mirror)
        let rig = try await Rig(of: 1) { $0.services = NamedPorts(pod: pod.port) }
        for name in try names(folder + "/front") {
            let exchange = try Exchange(name)
            // A single port answers whatever its name, here; and TLS has words of its own.
            guard exchange.target.contains("my-service:") || !exchange.target.contains("my-service"),
                !exchange.target.contains("my-service:/"), !exchange.target.contains("https:")
            else { continue }
            let answer = try await exchange.ask(rig)
            #expect(answer.status == exchange.answer.status, "\(name)")
            guard answer.status != 200 else { continue }
            #expect(answer.body == String(decoding: exchange.answer.body, as: UTF8.self), "\(name)")
        }
    }
}

/// The Services of the recordings: `plain` has port 80, `my-service` port 80 with the name http; both have one pod.
private struct NamedPorts: ServiceBackends {
    let pod: UInt16

    func backend(
        namespace: String, service: String, port: RequestedPort?
    ) async throws(ServiceRefusal) -> any ServiceBackend {
        switch service {
        case "plain", "my-service": break
        case "c1", "h1": throw .noEndpoints
        default: throw .noService
        }
        switch port {
        case nil, .number(80): break
        case .name("http") where service == "my-service": break
        case .number(let number): throw .noPort(number)
        case .name(let name): throw .noPortNamed(name)
        }
        return FakeBackends(pods: [pod])
    }
}
