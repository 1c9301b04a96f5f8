import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Credentials of requests")
struct CredentialsTests {
    private let folder: TemporaryDirectory
    private let time = TestClock()

    init() throws { folder = try TemporaryDirectory() }

    private func credentials(
        server: String = "https://api.example", _ authorization: UserAccess.Authorization = .none,
        change: (inout ClusterAccess) -> Void = { _ in }
    ) throws -> Credentials {
        var access = ClusterAccess(origin: "here", server: try ServerURL(server, expectsTLS: true))
        access.user.authorization = authorization
        change(&access)
        return Credentials(access, host: ExecHost(environment: [:]), clock: time.clock)
    }

    // MARK: Headers

    @Test("A token, a name with its password, and nothing at all")
    func headers() async throws {
        #expect(try await credentials(.token("a")).current().authorization == "Bearer a")
        #expect(
            try await credentials(.basic(user: "Aladdin", password: "open sesame")).current().authorization
                == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        #expect(try await credentials().current().headers.isEmpty)
    }

    @Test("Who is impersonated is in headers, keys with odd characters encoded")
    func impersonation() async throws {
        let credentials = try credentials(.token("a")) {
            var jane = Impersonation(user: "jane")
            jane.uid = "7"
            jane.groups = ["a", "b"]
            jane.extra = ["example.org/Scopes": ["x", "y"], "a b": ["z"]]
            $0.user.impersonation = jane
        }
        let headers = try await credentials.current().headers.map { "\($0.name): \($0.value)" }
        #expect(
            headers == [
                "Authorization: Bearer a", "Impersonate-User: jane", "Impersonate-Uid: 7", "Impersonate-Group: a",
                "Impersonate-Group: b", "Impersonate-Extra-a%20b: z", "Impersonate-Extra-example.org%2FScopes: x",
                "Impersonate-Extra-example.org%2FScopes: y",
            ])
    }

    @Test("Over plain HTTP nothing is sent, read or run")
    func plain() async throws {
        let all: [UserAccess.Authorization] = [
            .token("a"), .basic(user: "a", password: "b"), .tokenFile(folder.file("nowhere"), first: nil),
            .exec(ExecPlugin(.v1, command: "/nowhere")),
        ]
        for authorization in all {
            let credentials = try credentials(server: "http://api.example", authorization) {
                $0.user.impersonation = Impersonation(user: "jane")
                $0.user.certificate = .file("/nowhere")
                $0.user.key = .file("/nowhere")
            }
            let sent = try await credentials.current()
            #expect(sent.headers.isEmpty)
            #expect(sent.tls == nil)
        }
    }

    // MARK: Token files

    @Test("A token file is read again after 50 s, and not before")
    func tokenFile() async throws {
        let file = try folder.write("one\n", to: "token")
        let credentials = try credentials(.tokenFile(file, first: nil))
        #expect(try await credentials.current().authorization == "Bearer one")
        try folder.replace("token", with: "two")
        time.advance(.seconds(49))
        #expect(try await credentials.current().authorization == "Bearer one")
        time.advance(.seconds(1))
        #expect(try await credentials.current().authorization == "Bearer two")
    }

    @Test("A token file that vanishes, is empty or broken leaves the old token", arguments: ["", " \n", "a\r\nb: c"])
    func brokenTokenFile(_ text: String) async throws {
        let file = try folder.write("one", to: "token")
        let credentials = try credentials(.tokenFile(file, first: nil))
        _ = try await credentials.current()
        time.advance(.seconds(60))
        try folder.write(text, to: "token")
        #expect(try await credentials.current().authorization == "Bearer one")
        folder.remove("token")
        #expect(try await credentials.current().authorization == "Bearer one")
        // As soon as there is one, and not another 50 s later.
        try folder.write("two", to: "token")
        #expect(try await credentials.current().authorization == "Bearer two")
    }

    @Test("A token in the kubeconfig stands in until its file can be read")
    func firstToken() async throws {
        let credentials = try credentials(.tokenFile(folder.file("token"), first: "zero"))
        #expect(try await credentials.current().authorization == "Bearer zero")
        try folder.write("one", to: "token")
        #expect(try await credentials.current().authorization == "Bearer one")
    }

    @Test("A 401 has the token file read at once, only once for all who got one")
    func refusedToken() async throws {
        let file = try folder.write("one", to: "token")
        let credentials = try credentials(.tokenFile(file, first: nil))
        let first = try await credentials.current()
        let other = try await credentials.current()
        try folder.replace("token", with: "two")
        #expect(await credentials.rejected(first))
        #expect(try await credentials.current().authorization == "Bearer two")
        try folder.replace("token", with: "three")
        // This one was sent before the new token was there.
        #expect(await credentials.rejected(other))
        #expect(try await credentials.current().authorization == "Bearer two")
    }

    @Test(
        "A 401 to a token that its file still has is worth no other attempt, and the next request reads the file again")
    func sameToken() async throws {
        let file = try folder.write("one", to: "token")
        let credentials = try credentials(.tokenFile(file, first: nil))
        #expect(await credentials.rejected(try await credentials.current()) == false)
        #expect(try await credentials.current().authorization == "Bearer one")
        #expect(await credentials.rejected(try await credentials.current()) == false)
        try folder.replace("token", with: "two")
        #expect(try await credentials.current().authorization == "Bearer two")
    }

    @Test("Without any token the message names the file, and whose it is")
    func noToken() async throws {
        let credentials = try credentials(.tokenFile(folder.file("token"), first: nil))
        let error = await #expect(throws: APIError.self) { try await credentials.current() }
        #expect(
            error?.description == "here: the token file \(folder.path)/token cannot be read: No such file or directory")
        try folder.write("\n", to: "token")
        let empty = await #expect(throws: APIError.self) { try await credentials.current() }
        #expect(empty?.description == "here: the token file \(folder.path)/token is empty")
    }

    @Test("A token file that is a pipe, or has no end, holds nobody up", .timeLimit(.minutes(1)))
    func strangeTokenFile() async throws {
        try #require(makePipe(folder.file("pipe")))
        let pipe = try credentials(.tokenFile(folder.file("pipe"), first: nil))
        let empty = await #expect(throws: APIError.self) { try await pipe.current() }
        #expect(empty?.description == "here: the token file \(folder.path)/pipe is empty")
        let endless = try credentials(.tokenFile("/dev/zero", first: nil))
        let error = await #expect(throws: APIError.self) { try await endless.current() }
        #expect(error?.description == "here: the token file /dev/zero cannot be read: File too large")
    }

    @Test("A 401 to what cannot change is worth no other attempt")
    func refusedForGood() async throws {
        for authorization in [UserAccess.Authorization.none, .token("a"), .basic(user: "a", password: "b")] {
            let credentials = try credentials(authorization)
            let sent = try await credentials.current()
            #expect(await credentials.rejected(sent) == false)
        }
    }

    // MARK: Certificates

    private func files() throws -> Credentials {
        try folder.write(TestPair.first.certificate, to: "me.crt")
        try folder.write(TestPair.first.key, to: "me.key")
        try folder.write(TestPair.first.certificate, to: "ca.crt")
        return try credentials {
            $0.user.certificate = .file(folder.file("me.crt"))
            $0.user.key = .file(folder.file("me.key"))
            $0.authorities = .file(folder.file("ca.crt"))
        }
    }

    @Test("Certificates of a file and those of the kubeconfig itself are given alike")
    func certificates() async throws {
        let fromFiles = try await files().current().tls
        #expect(fromFiles?.certificate == Array(TestPair.first.certificate.utf8))
        #expect(fromFiles?.key == Array(TestPair.first.key.utf8))
        #expect(fromFiles?.authorities == Array(TestPair.first.certificate.utf8))
        let embedded = try credentials {
            $0.user.certificate = .data(Array(TestPair.first.certificate.utf8))
            $0.user.key = .data(Array(TestPair.first.key.utf8))
            $0.authorities = .data(Array(TestPair.first.certificate.utf8))
        }
        #expect(try await embedded.current().tls == fromFiles)
        #expect(try await credentials().current().tls == TLSMaterial(revision: 1))
    }

    @Test("A new pair of files is taken at the next request, and only as a pair")
    func rotated() async throws {
        let credentials = try files()
        let first = try await credentials.current().tls
        #expect(try await credentials.current().tls == first)
        try folder.replace("me.crt", with: TestPair.second.certificate)
        #expect(try await credentials.current().tls == first)
        try folder.replace("me.key", with: TestPair.second.key)
        let second = try await credentials.current().tls
        #expect(second?.certificate == Array(TestPair.second.certificate.utf8))
        #expect(second?.key == Array(TestPair.second.key.utf8))
        #expect(second?.revision == 2)
        // The same again in other files is no reason for new connections.
        try folder.replace("me.key", with: TestPair.second.key)
        #expect(try await credentials.current().tls == second)
    }

    @Test("A new authority counts as well; files that vanish or break leave what there is")
    func authorities() async throws {
        let credentials = try files()
        let first = try await credentials.current().tls
        try folder.replace("ca.crt", with: "nothing")
        #expect(try await credentials.current().tls == first)
        folder.remove("ca.crt")
        #expect(try await credentials.current().tls == first)
        try folder.write(TestPair.second.certificate, to: "ca.crt")
        let second = try await credentials.current().tls
        #expect(second?.authorities == Array(TestPair.second.certificate.utf8))
        #expect(second?.revision == 2)
    }

    @Test("What was never good is named")
    func broken() async throws {
        let credentials = try files()
        try folder.write(TestPair.second.key, to: "me.key")
        let pair = await #expect(throws: APIError.self) { try await credentials.current() }
        #expect(
            pair?.description.hasPrefix("here: client-certificate and client-key are no PEM, or are not a pair") == true
        )
        folder.remove("me.key")
        let key = await #expect(throws: APIError.self) { try await credentials.current() }
        #expect(key?.description == "here: client-key \(folder.path)/me.key cannot be read: No such file or directory")
        try folder.write("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", to: "ca.crt")
        try folder.write(TestPair.first.key, to: "me.key")
        let authority = await #expect(throws: APIError.self) { try await credentials.current() }
        #expect(authority?.description.hasPrefix("here: certificate-authority is no PEM of certificates") == true)
        // And it goes on as soon as it is mended.
        try folder.write(TestPair.first.certificate, to: "ca.crt")
        #expect(try await credentials.current().tls?.revision == 1)
    }
}
