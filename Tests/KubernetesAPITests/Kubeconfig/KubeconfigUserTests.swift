import KubernetesAPI
import TestSupport
import Testing

@Suite("Users of a kubeconfig")
struct KubeconfigUserTests {
    private let workbench: Workbench

    init() throws { workbench = try Workbench() }

    private func user(_ lines: String) throws -> UserAccess {
        try workbench.load(Workbench.config(user: lines)).user
    }

    private static let exec = "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: login}"

    @Test("Data counts before files, for certificate, key and authority alike")
    func data() throws {
        // base64 of "-----BEGIN CERTIFICATE-----" and "-----BEGIN RSA PRIVATE KEY-----".
        let certificate = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"
        let key = "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ=="
        let user = try user(
            """
            client-certificate: a.crt
            client-certificate-data: \(certificate)
            client-key: a.key
            client-key-data: \(key)
            """)
        #expect(user.certificate == .data(Array("-----BEGIN CERTIFICATE-----".utf8)))
        #expect(user.key == .data(Array("-----BEGIN RSA PRIVATE KEY-----".utf8)))
        let access = try workbench.load(
            Workbench.config(
                cluster: """
                    server: https://a
                    certificate-authority: ca.crt
                    certificate-authority-data: \(certificate)
                    proxy-url: socks5://127.0.0.1:1080
                    disable-compression: true
                    """))
        #expect(access.authorities == .data(Array("-----BEGIN CERTIFICATE-----".utf8)))
        #expect(access.proxy == ProxyURL(.socks5, host: "127.0.0.1", port: 1080))
        #expect(access.disablesCompression)
    }

    @Test("Base64 may be broken into lines")
    func wrapped() throws {
        let access = try workbench.load(
            Workbench.config(
                cluster: """
                    server: https://a
                    certificate-authority-data: |
                      LS0tLS1CRUdJTiBD
                      RVJUSUZJQ0FURS0tLS0t
                    """))
        #expect(access.authorities == .data(Array("-----BEGIN CERTIFICATE-----".utf8)))
    }

    @Test("A token counts before a password, a file beside a token takes over, and both switch a plug-in off")
    func order() throws {
        #expect(try user("token: \"a\\n\"").authorization == .token("a"))
        #expect(try user("tokenFile: /t\ntoken: a").authorization == .tokenFile("/t", first: "a"))
        #expect(try user("tokenFile: /t\nusername: a").authorization == .tokenFile("/t", first: nil))
        #expect(try user("username: a\npassword: b").authorization == .basic(user: "a", password: "b"))
        #expect(try user("password: b").authorization == .basic(user: "", password: "b"))
        #expect(try user("token: a\n\(Self.exec)").authorization == .token("a"))
        #expect(try user("username: a\n\(Self.exec)").authorization == .basic(user: "a", password: ""))
        #expect(
            try user("client-certificate: /a\nclient-key: /b\n\(Self.exec)").authorization == .none)
        #expect(try user("token: ''\ntokenFile: ''\nusername: ''\nclient-certificate: ''") == UserAccess())
        #expect(try user("client-key: /b") == UserAccess())
    }

    @Test("Impersonation has all its fields")
    func impersonation() throws {
        let user = try user(
            """
            as: jane
            as-uid: "7"
            as-groups: [a, b]
            as-user-extra: {scopes: [x, y]}
            """)
        var expected = Impersonation(user: "jane")
        expected.uid = "7"
        expected.groups = ["a", "b"]
        expected.extra = ["scopes": ["x", "y"]]
        #expect(user.impersonation == expected)
    }

    @Test("OpenID Connect's token is used as it stands there")
    func idToken() throws {
        #expect(
            try user("auth-provider: {name: oidc, config: {id-token: eyJ, refresh-token: r}}").authorization
                == .token("eyJ"))
    }

    @Test("A plug-in has arguments, variables, a hint, and may ask for the cluster with its extension as JSON")
    func plugin() throws {
        let access = try workbench.load(
            Workbench.config(
                cluster: """
                    server: https://a
                    extensions:
                    - {name: other, extension: 1}
                    - name: client.authentication.k8s.io/exec
                      extension: {audience: "a\\"\\n\\u0001", list: [1, 0x10, 1.5, yes, null, .inf], empty: {}}
                    """,
                user: """
                    exec:
                      apiVersion: client.authentication.k8s.io/v1
                      command: /bin/login
                      args: [get, "80"]
                      env: [{name: A, value: b}, {name: A, value: c}, {name: B}]
                      installHint: see there
                      interactiveMode: Always
                      provideClusterInfo: true
                    """))
        var expected = ExecPlugin(.v1, command: "/bin/login")
        expected.arguments = ["get", "80"]
        expected.environment = ["A": "c", "B": ""]
        expected.installHint = "see there"
        expected.interactiveMode = .always
        expected.providesClusterInfo = true
        expected.clusterConfig =
            #"{"audience":"a\"\n\u0001","list":[1,16,1.5,true,null,null],"empty":{}}"#
        #expect(access.user.authorization == .exec(expected))
    }

    @Test("Aliases that stand for more than there is memory for are refused where they would be written out")
    func bomb() throws {
        var extensions = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let all = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            extensions += "a\(level): &a\(level) [\(all)]\n"
        }
        let text =
            extensions
            + Workbench.config(
                cluster: "server: https://a\nextensions: [{name: client.authentication.k8s.io/exec, extension: *a9}]",
                user: """
                    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: a, provideClusterInfo: true}
                    """)
        #expect(workbench.error(text).contains("client.authentication.k8s.io/exec is larger than"))
    }
}
