import APITestSupport
import Glibc
import TestSupport
import Testing

/// The scripted server is right if kubectl takes it for one.
@Suite("kubectl through the scripted server", .requires(.tool("kubectl"), .tool("curl")))
struct KubectlTests {
    @Test("kubectl port-forward carries requests, one after the other and at once")
    func portForward() async throws {
        let backend = try await UpgradeServer { request in
            let text = "path \(request.path)"
            return .bytes(
                [Array("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8)], closes: true)
        }
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .splice(backend.port))
        for (path, body) in Self.answers { server.answer(path, body: body) }
        let home = try TemporaryDirectory()
        // A kubeconfig of the machine, or its proxies, would lead elsewhere.
        let kubectl = try ChildProcess(
            findProgram("env") ?? "",
            [
                "-i", "HOME=\(home.path)", "PATH=/usr/bin:/bin", findProgram(Self.program) ?? "", "--server",
                "http://127.0.0.1:\(server.port)", "port-forward", "pod/my-pod", ":8080", "--address", "127.0.0.1",
            ])
        defer { kubectl.signal(SIGKILL) }
        #expect(await eventually(within: .seconds(30)) { kubectl.output.contains("-> 8080") })
        let line = kubectl.output.split(separator: "\n").first ?? ""
        let port = try #require(line.split(separator: ":").last?.split(separator: " ").first, "\(kubectl.errors)")
        for index in 0..<3 { #expect(try await ask(port, "/\(index)") == "path /\(index)") }
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<10 {
                group.addTask { (try? await ask(port, "/at-once-\(index)")) == "path /at-once-\(index)" }
            }
            for await isRight in group { #expect(isRight) }
        }
        #expect(server.notes.filter { if case .stream = $0 { true } else { false } }.count == 13)
        #expect(!kubectl.hasExited, "\(kubectl.errors)")
    }

    private func ask(_ port: Substring, _ path: String) async throws -> String {
        let curl = try ChildProcess(
            findProgram("curl") ?? "", ["-s", "--max-time", "20", "http://127.0.0.1:\(port)\(path)"])
        curl.closeInput()
        return try await curl.finished().output
    }

    /// Another one may be named, to try several.
    private static let program = getenv("PORTICO_TEST_KUBECTL").map { String(cString: $0) } ?? "kubectl"

    /// The least that kubectl wants to know first.
    private static let answers: [(String, String)] = [
        ("/api", #"{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}"#),
        ("/apis", #"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#),
        (
            "/api/v1",
            #"{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"pods","singularName":"pod","#
                + #""namespaced":true,"kind":"Pod","verbs":["create","get","list","watch"],"shortNames":["po"]}]}"#
        ),
        (
            "/api/v1/namespaces/default/pods/my-pod",
            #"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"my-pod","namespace":"default","uid":"1"},"#
                + #""spec":{"containers":[{"name":"a","image":"b","ports":[{"containerPort":8080}]}]},"#
                + #""status":{"phase":"Running"}}"#
        ),
    ]
}
