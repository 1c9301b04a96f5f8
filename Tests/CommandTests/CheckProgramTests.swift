import Glibc
import TestSupport
import Testing

/// `portico check`, run as a user runs it.
@Suite(.timeLimit(.minutes(2))) struct CheckProgramTests {
    private func check(_ arguments: String...) async throws -> ProgramResult {
        let child = try ChildProcess(try DevProcess.program(), ["check"] + arguments)
        child.closeInput()
        return try await child.finished()
    }

    private func service(_ name: String, _ spec: String, labels: String = "") -> String {
        "apiVersion: v1\nkind: Service\nmetadata: {name: \(name)\(labels)}\nspec: {\(spec)}\n---\n"
    }

    private let cart = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: cart}
        spec:
          selector: {matchLabels: {app: cart}}
          template:
            metadata: {labels: {app: cart, tier: back}}
            spec: {containers: [{name: cart, ports: [{name: http, containerPort: 8080}]}]}
        ---

        """

    @Test("Manifests come from standard input, as from kubectl or helm", arguments: [["check"], ["dev", "--plain"]])
    func standardInput(command: [String]) async throws {
        let child = try ChildProcess(try DevProcess.program(), command + ["-f", "-"])
        try child.write(service("web", "ports: [{port: 8080}]"))
        child.closeInput()
        let words = command == ["check"] ? "in 1 Service with 1 port to serve" : "0 of 1 Service is served."
        #expect(await eventually(within: .seconds(30)) { child.output.contains(words) }, "\(child.errors)")
        if command != ["check"] { child.signal(SIGTERM) }
        #expect(try await child.finished().status == 0)
    }

    @Test func servicesThatFindNothing() async throws {
        let folder = try TemporaryDirectory()
        let text =
            service("typo", "selector: {app: carts}, ports: [{port: 80}]")
            + service("other", "selector: {app: cart, tier: front}, ports: [{port: 80}]")
            + service("key", "selector: {ap: cart}, ports: [{port: 80}]")
            + service("name", "selector: {app: cart}, ports: [{port: 80, targetPort: htp}]")
            + service("number", "selector: {app: cart}, ports: [{port: 80}]")
            + service("lone", "ports: [{port: 80}]") + service("good", "selector: {app: cart}, ports: [{port: 8080}]")
            + cart
        try folder.write(text, to: "shop.yaml")
        let result = try await check("-f", folder.path)
        #expect(result.status == 0)
        for line in [
            "shop.yaml:1: document 1, Service default/typo: spec.selector: no pod and no workload has the labels app=carts: "
                + "did you mean app=cart, as Deployment cart has?",
            "shop.yaml:6: document 2, Service default/other: spec.selector: no pod and no workload has the labels "
                + "app=cart,tier=front: did you mean tier=back, as Deployment cart has?",
            "Service default/key: spec.selector: no pod and no workload has the labels ap=cart: did you mean app=cart, as",
            "Service default/name: spec.ports[0].targetPort: Deployment cart has no TCP port named htp: did you mean http?",
            "Service default/number: spec.ports[0].targetPort: Deployment cart has no TCP port 80; it has http (8080)",
            "Service default/lone: spec.selector: it selects no pods, and no EndpointSlice or Endpoints object has its",
        ] {
            #expect(result.errors.contains(line), "\(line)\n\(result.errors)")
        }
        #expect(!result.errors.contains("default/good"))
        #expect(
            result.output
                == "no mistakes and 6 warnings in 7 Services with 7 ports to serve: 0 have endpoints, 6 with --demo-pods\n"
        )
        #expect(try await check("-f", folder.path, "--strict").status == 1)
    }

    @Test("Text of manifests begins no line and moves no cursor")
    func hostileText() async throws {
        let folder = try TemporaryDirectory()
        let hostile = "a\\e[2Jb\\nno mistakes in 1 Service\\r"
        try folder.write(
            service("web", "selector: {app: \"\(hostile)\"}, ports: [{port: 80, targetPort: 90}]") + cart,
            to: "shop.yaml")
        let result = try await check("-f", folder.path, "-v1", "--endpoints")
        #expect(result.errors.contains("has the labels app="), "\(result.errors)")
        for text in [result.errors, result.output] {
            #expect(!text.contains("\u{1B}") && !text.contains("\r"))
            #expect(
                !text.split(separator: "\n").dropLast(text == result.output ? 1 : 0).contains {
                    $0.hasPrefix("no mistakes")
                })
        }
    }

    @Test("A stray EndpointSlice is told with its file and line")
    func stray() async throws {
        let folder = try TemporaryDirectory()
        let slice = """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: lost, namespace: shop}
            addressType: IPv4
            ports: [{port: 1}]
            endpoints: [{addresses: [10.0.0.1]}]

            """
        try folder.write(service("lone", "ports: [{port: 80}]") + slice, to: "shop.yaml")
        let text = try await check("-f", folder.path)
        #expect(text.errors.contains("shop.yaml:6: document 2, EndpointSlice shop/lost: no label "), "\(text.errors)")
        let json = try await check("-f", folder.path, "--output", "json")
        #expect(json.output.contains(#"/shop.yaml","line":6,"document":2,"object":"EndpointSlice shop/lost""#))
    }

    @Test func whatOnlyOneCanHave() async throws {
        let folder = try TemporaryDirectory()
        let ports = "type: NodePort, clusterIP: 10.96.0.7, ports: [{port: 80, nodePort: 30080}]"
        try folder.write(service("a", ports) + service("b", ports), to: "shop.yaml")
        let result = try await check("-f", folder.path)
        #expect(result.status == 1)
        #expect(result.errors.contains("Service default/b: spec.clusterIP: 10.96.0.7 is that of Service default/a too"))
        #expect(
            result.errors.contains("Service default/b: spec.ports[0].nodePort: 30080 is that of Service default/a too"))
    }

    @Test func notesOfOneKindAreOneLine() async throws {
        let folder = try TemporaryDirectory()
        for name in ["a", "b"] {
            let others = ["ConfigMap", "Secret"].map { "{apiVersion: v1, kind: \($0), metadata: {name: x}}\n---\n" }
            try folder.write(
                service(name, "clusterIP: None, selector: {app: cart}") + others.joined(), to: "\(name).yaml")
        }
        try folder.write(cart, to: "cart.yaml")
        let result = try await check("-f", folder.path)
        #expect(
            result.errors == """
                note: skipped 4 objects of 2 kinds; -v lists them
                note: 2 Services: headless, not proxied; -v lists them

                """)
        #expect(result.output == "no mistakes in 2 Services with 0 ports to serve\n")
        let all = try await check("-f", folder.path, "-v")
        #expect(all.errors.contains("note: \(folder.file("a.yaml")): skipped 1 ConfigMap, 1 Secret\n"))
        #expect(all.errors.contains("note: Service default/b: headless, not proxied\n"))
        let json = try await check("-f", folder.path, "--output", "json")
        #expect(json.output.contains(#"{"event":"note","message":"Service default/b: headless, not proxied"}"#))
        #expect(json.output.contains(#""warnings":0"#) && json.errors.isEmpty)
    }

    @Test func nobodyIsBlamedWhereThereAreOnlyServices() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(service("web", "selector: {app: web}, ports: [{port: 80}]"), to: "web.yaml")
        let result = try await check("-f", folder.path, "--strict")
        #expect(result.status == 0 && result.errors.contains("nobody can tell"), "\(result.errors)")
    }

    @Test func aPipeALinkAndATemplate() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(service("web", "selector: {app: cart}, ports: [{port: 8080}]") + cart, to: "web.yaml")
        try folder.write("kind: {{ .Values.kind }}\n---\nkind: {{ .x }}\n", to: "template.yaml")
        #expect(symlink("/nowhere/at/all", folder.file("link.yaml")) == 0)
        #expect(mkfifo(folder.file("pipe.yaml"), 0o600) == 0)
        let result = try await check("-f", folder.path, "--endpoints")
        #expect(result.status == 1)
        #expect(result.errors.contains("\(folder.file("link.yaml")): is a link that leads nowhere\n"))
        #expect(result.errors.contains("pipe.yaml: cannot be read: it is a pipe, socket or device, and not a file\n"))
        #expect(result.errors.contains("template.yaml:1: is a template that was not rendered"))
        #expect(result.errors.split(separator: "\n").count == 3, "\(result.errors)")
        #expect(result.output.contains("none: 1 replica of Deployment cart would serve it"))
        #expect(try await check("-f", folder.file("link.yaml")).errors.contains("is a link that leads nowhere\n"))
    }

    @Test(.requires(.tool("bash"))) func whatAnotherProgramPrints() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(service("web", "selector: {app: cart}, ports: [{port: 8080}]") + cart, to: "web.yaml")
        let line = "exec '\(try DevProcess.program())' check -f <(sleep 0.2; cat '\(folder.file("web.yaml"))')"
        let child = try ChildProcess(try #require(findProgram("bash")), ["-c", line])
        child.closeInput()
        let result = try await child.finished()
        #expect(result.status == 0)
        #expect(
            result.output
                == "no mistakes in 1 Service with 1 port to serve: 0 have endpoints, all with --demo-pods\n")
    }

    @Test func anEmptySelectionIsSaid() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(service("web", "ports: []", labels: ", labels: {app: web}"), to: "web.yaml")
        let result = try await check("-f", folder.path, "-l", "app=x")
        #expect(
            result.errors.contains("no Service for -l app=x: there is default/web, with the labels app=web\n"),
            "\(result.errors)")
        #expect(result.status == 0)
        let empty = try TemporaryDirectory()
        #expect(try await check("-f", empty.path).errors.contains("there are no Services\n"))
    }
}
