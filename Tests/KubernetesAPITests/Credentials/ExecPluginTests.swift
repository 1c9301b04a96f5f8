import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Plug-ins that tell credentials", .timeLimit(.minutes(1)))
struct ExecPluginTests {
    private let folder: TemporaryDirectory
    private let time = TestClock()

    init() throws { folder = try TemporaryDirectory() }

    private func credentials(
        _ plugin: ExecPlugin, _ host: ExecHost, change: (inout ClusterAccess) -> Void = { _ in }
    ) throws -> Credentials {
        var access = ClusterAccess(
            origin: "here", server: try ServerURL("https://api.example:6443", expectsTLS: true))
        access.user.authorization = .exec(plugin)
        change(&access)
        return Credentials(access, host: host, clock: time.clock)
    }

    private func failure(_ plugin: ExecPlugin, _ host: ExecHost) async throws -> String {
        let credentials = try credentials(plugin, host)
        let error = await #expect(throws: APIError.self) { try await credentials.current() }
        return "\(error.map { "\($0)" } ?? "")"
    }

    // MARK: As they are

    @Test("aws: a token for a quarter of an hour is asked for again half a minute before its end")
    func aws() async throws {
        let script = try PluginScript(
            folder, name: "aws",
            """
            [ "$AWS_PROFILE" = work ] && [ "$*" = "eks get-token --cluster-name prod" ] || exit 1
            \(PluginScript.writes("\"expirationTimestamp\": \"\(time.expiry(840))\", \"token\": \"k8s-aws-v1.a\""))
            """)
        var plugin = script.plugin(["eks", "get-token", "--cluster-name", "prod"])
        plugin.environment = ["AWS_PROFILE": "work"]
        let credentials = try credentials(plugin, script.host)
        #expect(try await credentials.current().authorization == "Bearer k8s-aws-v1.a")
        time.advance(.seconds(809))
        #expect(try await credentials.current().authorization == "Bearer k8s-aws-v1.a")
        #expect(script.runs == 1)
        time.advance(.seconds(1))
        _ = try await credentials.current()
        #expect(script.runs == 2)
    }

    @Test("gke-gcloud-auth-plugin: it is told about the cluster")
    func gke() async throws {
        let script = try PluginScript(
            folder, name: "gke-gcloud-auth-plugin",
            """
            printf %s "$KUBERNETES_EXEC_INFO" > \(folder.path)/info
            \(PluginScript.writes("\"token\": \"ya29.a\""))
            """)
        var plugin = script.plugin()
        plugin.providesClusterInfo = true
        plugin.clusterConfig = "{\"audience\":\"a\"}"
        let credentials = try credentials(plugin, script.host) {
            $0.tlsServerName = "kubernetes"
            $0.authorities = .data(Array(TestPair.first.certificate.utf8))
            $0.proxy = try? ProxyURL("http://me:a%2Fb@proxy:3128")
            $0.disablesCompression = true
        }
        #expect(try await credentials.current().authorization == "Bearer ya29.a")
        let info = script.text("info")
        #expect(
            info.hasPrefix(
                #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"cluster":{"#
                    + #""server":"https://api.example:6443","tls-server-name":"kubernetes","#
                    + #""certificate-authority-data":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"#), "\(info)")
        #expect(
            info.hasSuffix(
                #"","proxy-url":"http://me:a%2Fb@proxy:3128","disable-compression":true,"config":{"audience":"a"}},"#
                    + #""interactive":false}}"#), "\(info)")
        #expect(info.count { $0 == "{" } == info.count { $0 == "}" })
    }

    @Test("kubelogin: version v1 with white space around, and a user who may be asked")
    func kubelogin() async throws {
        let version = ExecPlugin.Version.v1
        let script = try PluginScript(
            folder, name: "kubelogin",
            """
            printf %s "$KUBERNETES_EXEC_INFO" > \(folder.path)/info
            echo 'please open the browser' >&2
            \(PluginScript.writes("\"token\": \"eyJ\", \"expirationTimestamp\": null", version: version.rawValue))
            """)
        var plugin = script.plugin(version: version)
        plugin.interactiveMode = .always
        var host = script.host
        host.mayAsk = true
        #expect(try await credentials(plugin, host).current().authorization == "Bearer eyJ")
        #expect(
            script.text("info")
                == #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true}}"#
        )
    }

    @Test("A certificate with its key is used for connections, and another one asks for new connections")
    func certificate() async throws {
        func status(_ pair: TestPair) -> String {
            func line(_ text: String) -> String { "\"" + text.replacing("\n", with: "\\n") + "\"" }
            return "\"clientCertificateData\": \(line(pair.certificate)), \"clientKeyData\": \(line(pair.key)), "
                + "\"expirationTimestamp\": \"\(time.expiry(100))\""
        }
        let script = try PluginScript(folder, PluginScript.writes(status(.first)))
        let credentials = try credentials(script.plugin(), script.host)
        let first = try await credentials.current()
        #expect(first.headers.isEmpty)
        #expect(first.tls?.certificate == Array(TestPair.first.certificate.utf8))
        #expect(first.tls?.key == Array(TestPair.first.key.utf8))
        time.advance(.seconds(90))
        try script.replace(PluginScript.writes(status(.second)))
        let second = try await credentials.current()
        #expect(second.tls?.certificate == Array(TestPair.second.certificate.utf8))
        #expect(second.tls?.revision == 2)
        // From a certificate to a token: connections with the certificate are no longer right.
        time.advance(.seconds(90))
        try script.replace(PluginScript.writes("\"token\": \"a\""))
        let third = try await credentials.current()
        #expect(third.tls == TLSMaterial(revision: 3))
        #expect(third.authorization == "Bearer a")
    }

    // MARK: When it is run

    @Test("Many requests at once wait for one run")
    func together() async throws {
        let script = try PluginScript(folder, "sleep 0.1\n" + PluginScript.writes("\"token\": \"a\""))
        let credentials = try credentials(script.plugin(), script.host)
        try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<20 { group.addTask { try await credentials.current().authorization } }
            for try await authorization in group { #expect(authorization == "Bearer a") }
        }
        #expect(script.runs == 1)
    }

    @Test("A 401 has it run again, once for all who got one, and not for each 401 of the next minute")
    func refused() async throws {
        let script = try PluginScript(folder, PluginScript.writes("\"token\": \"one\""))
        let credentials = try credentials(script.plugin(), script.host)
        let first = try await credentials.current()
        try script.replace(PluginScript.writes("\"token\": \"two\""))
        #expect(await credentials.rejected(first))
        #expect(await credentials.rejected(first))
        #expect(script.runs == 1)
        let second = try await credentials.current()
        #expect(second.authorization == "Bearer two")
        #expect(await credentials.rejected(first))
        #expect(try await credentials.current().authorization == "Bearer two")
        #expect(script.runs == 2)

        time.advance(.seconds(59))
        #expect(await credentials.rejected(second) == false)
        #expect(try await credentials.current().authorization == "Bearer two")
        time.advance(.seconds(1))
        #expect(await credentials.rejected(second))
        _ = try await credentials.current()
        #expect(script.runs == 3)
    }

    @Test("When it fails, a token that is not over yet is used; one that was refused, or is over, is not")
    func failing() async throws {
        let script = try PluginScript(
            folder, PluginScript.writes("\"token\": \"one\", \"expirationTimestamp\": \"\(time.expiry(1000))\""))
        let credentials = try credentials(script.plugin(), script.host)
        _ = try await credentials.current()
        try script.replace("exit 3")
        time.advance(.seconds(980))
        #expect(try await credentials.current().authorization == "Bearer one")
        time.advance(.seconds(20))
        let error = await #expect(throws: APIError.self) { try await credentials.current() }
        #expect(error?.description == "here: exec: executable login failed with exit code 3")
    }

    @Test("A token that is over when it comes is sent all the same, and the next request asks again")
    func expired() async throws {
        let script = try PluginScript(
            folder, PluginScript.writes("\"token\": \"a\", \"expirationTimestamp\": \"\(time.expiry(-10))\""))
        let credentials = try credentials(script.plugin(), script.host)
        #expect(try await credentials.current().authorization == "Bearer a")
        #expect(try await credentials.current().authorization == "Bearer a")
        #expect(script.runs == 2)
    }

    @Test("A request that is cancelled waits no longer; the plug-in goes on for the others, and ends with the last")
    func cancelled() async throws {
        let script = try PluginScript(
            folder,
            """
            echo $$ > \(folder.path)/pid
            read line < \(folder.path)/gate
            \(PluginScript.writes("\"token\": \"a\""))
            """)
        try #require(makePipe(folder.file("gate")))
        let credentials = try credentials(script.plugin(), script.host)
        let one = Task { try await credentials.current().authorization }
        let two = Task { try await credentials.current().authorization }
        try #require(await eventually { script.text("pid").hasSuffix("\n") })
        one.cancel()
        await #expect(throws: APIError.cancelled) { try await one.value }
        try folder.write("go\n", to: "gate")
        #expect(try await two.value == "Bearer a")
        #expect(script.runs == 1)

        time.advance(.seconds(60))
        #expect(await credentials.rejected(try await credentials.current()))
        folder.remove("pid")
        let three = Task { try await credentials.current().authorization }
        try #require(await eventually { script.text("pid").hasSuffix("\n") })
        three.cancel()
        await #expect(throws: APIError.cancelled) { try await three.value }
        let pid = try #require(Int32(script.text("pid").dropLast()))
        #expect(await eventually { !isRunning(pid) })
        // Who comes next has a run of his own.
        let four = Task { try await credentials.current().authorization }
        try #require(await eventually { script.runs == 3 })
        try folder.write("go\n", to: "gate")
        #expect(try await four.value == "Bearer a")
    }

    // MARK: What goes wrong

    @Test("One that is not installed is named, with its hint on one line")
    func notFound() async throws {
        var plugin = ExecPlugin(.v1beta1, command: "kubelogin")
        plugin.installHint =
            "\n\u{1B}[31mkubelogin\u{1B}[0m is not installed.\n\n  See\u{7} https://aka.ms/aks/kubelogin\n"
        let host = ExecHost(environment: ["PATH": "\(folder.path)/bin::."])
        #expect(
            try await failure(plugin, host)
                == "here: exec: executable kubelogin not found: kubelogin is not installed. See https://aka.ms/aks/kubelogin"
        )
        plugin = ExecPlugin(.v1beta1, command: folder.file("nowhere"))
        #expect(try await failure(plugin, host) == "here: exec: executable \(folder.path)/nowhere not found")
        plugin.command = try folder.write("#!/bin/sh\n", to: "not-executable")
        #expect(
            try await failure(plugin, host)
                == "here: exec: executable \(folder.path)/not-executable cannot be run: Permission denied")
    }

    @Test("One that has to ask its user is not run where nobody can be asked")
    func interactive() async throws {
        let script = try PluginScript(folder, PluginScript.writes("\"token\": \"a\""))
        var plugin = script.plugin()
        plugin.interactiveMode = .always
        #expect(try await failure(plugin, script.host).contains("standard input is not a terminal"))
        #expect(script.runs == 0)
    }

    @Test("One that does not end is killed")
    func endless() async throws {
        let script = try PluginScript(folder, "exec sleep 60\n")
        var host = script.host
        host.limit = 1
        #expect(
            try await failure(script.plugin(), host)
                == "here: exec: executable login did not end within 1 s and was killed")
    }

    @Test("One that writes without end is killed")
    func chatter() async throws {
        let script = try PluginScript(
            folder, "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done\n")
        #expect(
            try await failure(script.plugin(), script.host)
                == "here: exec: executable login wrote more than 1048576 bytes and was killed")
    }

    @Test("A plug-in that needs an authority which cannot be read is not run")
    func noAuthority() async throws {
        let script = try PluginScript(folder, PluginScript.writes("\"token\": \"a\""))
        var plugin = script.plugin()
        plugin.providesClusterInfo = true
        let credentials = try credentials(plugin, script.host) { $0.authorities = .file("/nowhere/ca.crt") }
        let error = await #expect(throws: APIError.self) { try await credentials.current() }
        #expect(
            error?.description
                == "here: certificate-authority /nowhere/ca.crt cannot be read: No such file or directory")
        #expect(script.runs == 0)
    }
}
