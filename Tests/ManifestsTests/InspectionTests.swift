import Testing

@testable import Manifests

@Suite("Looking for mistakes")
struct InspectionTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        var testDescription: String
        let text: String
        /// All that is said.
        let messages: [String]
    }

    static let head = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"

    static let mistakes = [
        Mistake(
            testDescription: "all of one object",
            text: head + """
                spec:
                  clusterIP: 10.0.0.256
                  externalTrafficPolicy: Locale
                  ports:
                  - {name: a, port: 0}
                  - {name: b, port: 80, targetPort: "80", nodePort: 70000}
                  - {name: Bad_Name, port: 81}
                  - {port: 82}
                """,
            messages: [
                "web.yaml:5: Service default/web: spec.clusterIP: expected an IP address or None, found \"10.0.0.256\"",
                "web.yaml:6: Service default/web: spec.externalTrafficPolicy: expected Cluster or Local, found \"Locale\"",
                "web.yaml:8: Service default/web: spec.ports[0].port: expected a number from 1 to 65535, found 0",
                "web.yaml:9: Service default/web: spec.ports[1].nodePort: expected a number from 0 to 65535, found 70000",
                "web.yaml:9: Service default/web: spec.ports[1].targetPort: "
                    + "expected a number from 1 to 65535 or the name of a container port, found \"80\"",
                "web.yaml:10: Service default/web: spec.ports[2].name: "
                    + "expected a name of at most 63 lower-case letters, digits and hyphens, found \"Bad_Name\"",
                "web.yaml:11: Service default/web: spec.ports[3].name: "
                    + "expected a name, since the Service has 4 ports, found nothing",
            ]),
        Mistake(
            testDescription: "a broken name does not hide the rest",
            text: "apiVersion: v1\nkind: Service\nmetadata: {name: Web}\nspec: {type: Node, ports: [{port: x}]}\n",
            messages: [
                "web.yaml:3: Service default/Web: metadata.name: "
                    + "expected a name of at most 253 lower-case letters, digits, hyphens and points, found \"Web\"",
                "web.yaml:4: Service default/Web: spec.type: "
                    + "expected ClusterIP, NodePort, LoadBalancer or ExternalName, found \"Node\"",
                "web.yaml:4: Service default/Web: spec.ports[0].port: expected a number from 1 to 65535, found \"x\"",
            ]),
        Mistake(
            testDescription: "addresses of a list",
            text: """
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: web-1}
                addressType: IPv4
                endpoints:
                - addresses: [here]
                - addresses: [10.0.0.1]
                - addresses: [10.0.0.999]
                """,
            messages: [
                "web.yaml:6: EndpointSlice default/web-1: endpoints[0].addresses[0]: expected an IP address, found \"here\"",
                "web.yaml:8: EndpointSlice default/web-1: endpoints[2].addresses[0]: expected an IP address, found \"10.0.0.999\"",
            ]),
        Mistake(
            testDescription: "misspelt fields",
            text: head + "spec:\n  selecter: {app: web}\n  prots: [{port: 80}]\n  sessionaffinity: None\n",
            messages: [
                "web.yaml:5: Service default/web: spec.selecter: there is no such field: did you mean selector?",
                "web.yaml:6: Service default/web: spec.prots: there is no such field: did you mean ports?",
                "web.yaml:7: Service default/web: spec.sessionaffinity: there is no such field: did you mean sessionAffinity?",
            ]),
        Mistake(
            testDescription: "misspelt fields deep inside, and fields that nobody reads",
            text: """
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: cart}
                spec:
                  progressDeadlineSeconds: 60
                  strategy: {type: Recreate}
                  selector: {matchLabels: {app: cart}}
                  template:
                    metadata: {labels: {app: cart}}
                    spec:
                      hostNetwork: true
                      containers:
                      - name: cart
                        image: x
                        port: [{containerPort: 80}]
                      - name: other
                        ports: [{containerport: 80, containerPort: 80}, {contanerPort: 81}]
                """,
            messages: [
                "web.yaml:15: Deployment default/cart: spec.template.spec.containers[0].port: "
                    + "there is no such field: did you mean ports?",
                "web.yaml:17: Deployment default/cart: spec.template.spec.containers[1].ports[1].containerPort: "
                    + "expected a number from 1 to 65535, found nothing",
                "web.yaml:17: Deployment default/cart: spec.template.spec.containers[1].ports[1].contanerPort: "
                    + "there is no such field: did you mean containerPort?",
            ]),
        Mistake(
            testDescription: "kinds in another case, misspelt, of another group; no kind, no apiVersion",
            text: """
                {kind: service, apiVersion: v1, metadata: {name: a}}
                ---
                {kind: Deploymnet, apiVersion: apps/v1, metadata: {name: a}}
                ---
                {kind: Deployment, apiVersion: v1, metadata: {name: a}}
                ---
                {kind: Service, apiVersion: apps/v1, metadata: {name: a}}
                ---
                {Kind: Service, apiVersion: v1, metadata: {name: a}}
                ---
                {kind: Service, metadata: {name: a}, spec: {}}
                ---
                {kind: Service, apiversion: v1, metadata: {name: b}, spec: {}}
                ---
                {kind: Service, apiVersion: serving.knative.dev/v1, metadata: {name: c}}
                ---
                {kind: Route, apiVersion: route.openshift.io/v1, metadata: {name: c}}
                """,
            messages: [
                "web.yaml:1: document 1: kind: there is no kind service: did you mean Service?",
                "web.yaml:3: document 2: kind: there is no kind Deploymnet: did you mean Deployment?",
                "web.yaml:5: document 3, Deployment default/a: apiVersion: expected apps/v1, found \"v1\"",
                "web.yaml:7: document 4, Service default/a: apiVersion: expected v1, found \"apps/v1\"",
                "web.yaml:9: document 5: expected a field kind, found Kind: did you mean kind?",
                "web.yaml:11: document 6, Service default/a: expected a field apiVersion, v1 for a Service, found nothing",
                "web.yaml:13: document 7, Service default/b: apiversion: there is no such field: did you mean apiVersion?",
            ]),
        Mistake(
            testDescription: "what an API server would not take",
            text: """
                apiVersion: v1
                kind: Service
                metadata: {name: web, labels: {app: "a b"}}
                spec: {ports: [{port: 80, nodePort: 30080, targetPort: a-very-long-name-of-a-port}]}
                ---
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: cart}
                spec:
                  selector: {matchLabels: {app: cart}}
                  template:
                    metadata: {labels: {app: carts}}
                    spec: {containers: [{ports: [{name: http, containerPort: 1}, {name: http, containerPort: 2}]}]}
                """,
            messages: [
                "web.yaml:3: document 1, Service default/web: metadata.labels.app: "
                    + "expected at most 63 letters, digits, hyphens, points and underscores, found \"a b\"",
                "web.yaml:4: document 1, Service default/web: spec.ports[0].targetPort: "
                    + "expected at most 15 lower-case letters, digits and single hyphens, found \"a-very-long-name-of-a-port\"",
                "web.yaml:4: document 1, Service default/web: spec.ports[0].nodePort: "
                    + "expected none for a Service of type ClusterIP, found 30080",
                "web.yaml:12: document 2, Deployment default/cart: spec.template.metadata.labels.app: "
                    + "expected \"cart\", which the selector wants, found \"carts\"",
                "web.yaml:13: document 2, Deployment default/cart: spec.template.spec.containers[0].ports[1].name: "
                    + "expected a name that no other port of the container has, found \"http\"",
            ]),
        Mistake(
            testDescription: "names and values of labels, wherever there are labels",
            text: """
                {kind: EndpointSlice, apiVersion: discovery.k8s.io/v1, metadata: {name: a, labels: {a b: x}}, addressType: IPv4}
                ---
                {kind: Endpoints, apiVersion: v1, metadata: {name: a, labels: {a: x y}}}
                ---
                {kind: Node, apiVersion: v1, metadata: {name: a, labels: {a/b/c: ""}}}
                ---
                {kind: Service, apiVersion: v1, metadata: {name: a}, spec: {selector: {Example/app: a, example.com/App_1: a.b}}}
                ---
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: a, labels: {-a: x}}
                spec: {selector: {matchLabels: {a: -x}}, template: {metadata: {labels: {a: -x}}}}
                """,
            messages: [
                ("1: document 1, EndpointSlice default/a: metadata.labels.a b", "a b", true),
                ("3: document 2, Endpoints default/a: metadata.labels.a", "x y", false),
                ("5: document 3, Node a: metadata.labels.a/b/c", "a/b/c", true),
                ("7: document 4, Service default/a: spec.selector.Example/app", "Example/app", true),
                ("11: document 5, Deployment default/a: metadata.labels.-a", "-a", true),
                ("12: document 5, Deployment default/a: spec.selector.matchLabels.a", "-x", false),
                ("12: document 5, Deployment default/a: spec.template.metadata.labels.a", "-x", false),
            ].map { (place: String, found: String, isName: Bool) in
                "web.yaml:\(place): expected at most 63 letters, digits, hyphens, points and underscores"
                    + (isName ? " as its name, or a DNS name, a slash and these" : "") + ", found \"\(found)\""
            }),
    ]

    @Test("Each is told with its place", arguments: mistakes)
    func told(_ row: Mistake) {
        let contents = ManifestReader.read(Array(row.text.utf8), file: "web.yaml", inspects: true)
        #expect(contents.messages.sorted() == row.messages.sorted())
    }

    @Test("Who serves is not told of what can be served all the same")
    func serving() {
        let contents = read("kind: Service\nmetadata: {name: web}\nspec: {prots: []}\n")
        #expect(contents.messages.isEmpty && contents.names == ["Service default/web"])
    }

    @Test("An object that several others repeat is wrong in each of them")
    func anchors() {
        let contents = read(
            """
            kind: List
            items:
            - {kind: Service, metadata: {name: a}, spec: &spec {ports: [{port: 0}]}}
            - {kind: Service, metadata: {name: b}, spec: *spec}
            """)
        #expect(contents.names.isEmpty && contents.messages.count == 2, "\(contents.messages)")
    }

    @Test("Templates that nobody has rendered are called so, once for each file")
    func templates() {
        let text = """
            # a comment
            {{- if .Values.enabled }}
            apiVersion: v1
            kind: Service
            metadata:
              name: {{ include "shop.name" . }}
            {{- end }}
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: "{{ .Release.Name }}-web"
            spec: {}
            ---
            kind: Service
            metadata: {name: good}
            spec: {}
            """
        let contents = read(text)
        #expect(contents.messages == ["web.yaml:2: \(TextMistake.template)"])
        #expect(contents.names == ["Service default/good"])
        // Braces elsewhere in the document do not make its mistake one of a template.
        let alert = "kind: ConfigMap\ndata:\n  a: '{{ $labels.job }}'\n  b: x\n  c: [1\n  d: 2\n"
        let told = read(alert).messages
        #expect(told.count == 1 && told[0].contains("not valid YAML") && !told[0].contains("template"), "\(told)")
        let rules =
            "kind: ConfigMap\ndata: {x: '{{ $labels.job }}'}\n---\nkind: Service\nmetadata: {name: web}\nspec: {ports: 1}\n"
        #expect(
            read(rules).messages == [
                "web.yaml:6: document 2, Service default/web: spec.ports: expected a list, found 1"
            ])
    }
}
