import KubernetesAPI
import TestSupport
import Testing

@Suite("Mistakes in a kubeconfig are told with file, line, context, entry and field")
struct KubeconfigErrorTests {
    private let workbench: Workbench

    init() throws { workbench = try Workbench() }

    // In what `Workbench.config` makes, the cluster's first field is in line 10, the user's in line 15.
    private func cluster(_ lines: String) -> String { workbench.error(Workbench.config(cluster: lines)) }
    private func user(_ lines: String) -> String { workbench.error(Workbench.config(user: lines)) }

    @Test("Text that is no YAML, or is something else")
    func notAKubeconfig() {
        #expect(workbench.error("a: b: c").hasPrefix("config:1: not valid YAML: "))
        #expect(workbench.error("just text") == "config:1: expected a kubeconfig, found \"just text\"")
        #expect(
            workbench.error("apiVersion: v1\nkind: Pod")
                == "config:2: kind: expected Config, found \"Pod\"; this is no kubeconfig")
        #expect(workbench.error("users: 5") == "config:1: users: expected a list, found 5")
        #expect(workbench.error("\nusers:\n- 5") == "config:3: users[0]: expected an object, found 5")
        #expect(workbench.error("contexts:\n- name: 5") == "config:2: contexts[0].name: expected text, found 5")
        #expect(workbench.error("current-context: {}") == "config:1: current-context: expected text, found an object")
    }

    @Test("What a terminal would take for a command is not passed on to it")
    func controlCharacters() {
        let text = "current-context: \"a\\e[31mb\\e]0;t\\ac\\x7fd\""
        #expect(workbench.error(text) == "config: no context \"ab ]0;t c d\"; there are no contexts")
    }

    @Test("A name that is not there, with those that are")
    func unknownNames() {
        let text = Workbench.config()
        #expect(workbench.error(text, context: "prod") == "config: no context \"prod\"; there are: \"test\"")
        #expect(
            workbench.error(text.replacing("cluster: c,", with: "cluster: d,"))
                == "config:6: context \"test\": cluster: no cluster \"d\"; there are: \"c\"")
        #expect(
            workbench.error(text.replacing("user: u}", with: "user: v}"))
                == "config:6: context \"test\": user: no user \"v\"; there are: \"u\"")
        #expect(
            workbench.error(text.replacing("current-context: test", with: "x: y"))
                == "config: no context is named, and there is no current-context; there are: \"test\"")
        let many = "contexts:\n" + (1...30).map { "- {name: c\($0)}\n" }.joined()
        #expect(workbench.error(many, context: "x").hasSuffix("\"c20\", and 10 more"))
        #expect(
            workbench.error("current-context: a\ncontexts:\n- name: a")
                == "config:3: context \"a\": cluster: expected the name of a cluster, found none")
    }

    @Test("A name that is there twice")
    func twice() {
        let text = Workbench.config() + "\n- name: u\n  user: {token: other}\n"
        #expect(
            workbench.error(text)
                == "config:14: context \"test\": user \"u\": expected one of this name, found another in line 17")
        #expect(
            user("token: a\ntoken: b")
                == "config:16: context \"test\": user \"u\": token: expected each field once, found it again after line 15"
        )
    }

    @Test("A cluster that cannot be reached as it says")
    func clusters() {
        let place = "config:10: context \"test\": cluster \"c\": "
        #expect(
            cluster("x: y") == place.replacing(":10", with: ":9")
                + "server: expected the URL of the API server, found none")
        #expect(cluster("server: 5") == place + "server: expected text, found 5 (put it in quotes)")
        #expect(cluster("server: ftp://a") == place + "server: expected a URL with https or http, found \"ftp://a\"")
        #expect(
            cluster("proxy-url: ftp://a\nserver: https://a")
                == place + "proxy-url: expected a proxy with http, https or socks5, found \"ftp\"")
        #expect(
            cluster("insecure-skip-tls-verify: true\nserver: https://a\ncertificate-authority: ca.crt").contains(
                "insecure-skip-tls-verify: expected no certificate authority beside it"))
        #expect(
            cluster("certificate-authority-data: '*'\nserver: https://a")
                == place + "certificate-authority-data: expected base64")
        #expect(
            cluster("certificate-authority-data: bm8=\nserver: https://a").contains("expected base64 of PEM"))
        #expect(
            cluster("insecure-skip-tls-verify: 'true'")
                == place + "insecure-skip-tls-verify: expected true or false, found \"true\"")
    }

    @Test("A user who contradicts himself")
    func users() {
        let place = "config:15: context \"test\": user \"u\": "
        #expect(
            user("token: a\nusername: b")
                == place
                + "token: more than one authentication method found: token, and username with password; keep one")
        #expect(
            user("client-certificate: a.crt")
                == place + "client-certificate: expected client-key or client-key-data beside it, found neither")
        #expect(
            user("as-groups: [a]") == place + "as-groups: expected as beside it: nobody is named to be impersonated")
        #expect(user("as-uid: a").contains("as-uid: expected as beside it"))
        #expect(user("as-user-extra: {a: [b]}").contains("as-user-extra: expected as beside it"))
        #expect(
            user("token: \"a\\r\\nX-Evil: b\"")
                == place + "token: expected text on one line, found a control character in it")
        #expect(user("as: \"a\\nb\"").contains("as: expected text on one line"))
        #expect(user("as: a\nas-groups: [\"a\\nb\"]").contains("as-groups: expected text on one line"))
    }

    @Test("A plug-in that cannot be run as it says")
    func plugins() {
        func exec(_ lines: String) -> String {
            user("exec:\n" + lines.split(separator: "\n").map { "  \($0)\n" }.joined())
                .replacing("context \"test\": user \"u\": ", with: "")
        }
        let v1 = "apiVersion: client.authentication.k8s.io/v1\n"
        #expect(
            exec("apiVersion: client.authentication.k8s.io/v1alpha1\ncommand: aws").hasPrefix(
                "config:16: exec.apiVersion: exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\"")
        )
        #expect(exec("command: aws").contains("exec plugin: invalid apiVersion \"\""))
        #expect(exec(v1 + "args: []") == "config:15: exec.command: expected the name or path of a program, found none")
        #expect(
            exec(v1 + "command: aws")
                == "config:15: exec.interactiveMode: expected Never, IfAvailable or Always, found none")
        #expect(
            exec(v1 + "command: aws\ninteractiveMode: Sometimes")
                == "config:18: exec.interactiveMode: expected Never, IfAvailable or Always, found \"Sometimes\"")
        #expect(
            exec(v1 + "command: aws\nargs: [a, 5]")
                == "config:18: exec.args[1]: expected text, found 5 (put it in quotes)")
        #expect(exec(v1 + "command: aws\nenv: [{value: b}]") == "config:18: exec.env[0]: expected a field name")
        #expect(exec(v1 + "command: aws\nenv: [{name: a=b}]").contains("exec.env: expected the name of a variable"))
    }

    @Test("Ways to log in that are gone, with what to use instead")
    func authProviders() {
        #expect(user("auth-provider: {name: gcp}").hasSuffix("use the exec plugin gke-gcloud-auth-plugin"))
        #expect(user("auth-provider: {name: azure}").contains("use the exec plugin kubelogin"))
        #expect(user("auth-provider: {name: openstack}").contains("expected oidc, found \"openstack\""))
        #expect(
            user("auth-provider: {name: oidc, config: {refresh-token: a}}").contains("expected id-token, found none"))
    }

    @Test("A message is one line, whatever the file has in its names")
    func oneLine() {
        let text = Workbench.config().replacing("name: test", with: "name: \"te\\nst\"")
        #expect(!workbench.error(text).contains("\n"))
        #expect(!workbench.error("kind: \"a\\nb\"").contains("\n"))
    }
}
