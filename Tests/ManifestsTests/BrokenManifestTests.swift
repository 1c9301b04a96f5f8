import Testing

@testable import Manifests

@Suite("Broken manifests")
struct BrokenManifestTests {
    struct BrokenCase: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var file = "web.yaml"
        var text: String
        /// All problems, as printed.
        var messages: [String]
        /// What can be used all the same.
        var objects: [String] = []
    }

    static let cases = [
        BrokenCase(
            testDescription: "a wrong port in the second document",
            text: """
                apiVersion: v1
                kind: Service
                metadata: {name: api}
                spec: {ports: [{port: 80}]}
                ---
                apiVersion: v1
                kind: Service
                metadata:
                  name: web
                spec:
                  ports:
                  - name: http
                    targetPort: 8080
                    port: 0
                """,
            messages: [
                "web.yaml:14: document 2, Service default/web: spec.ports[0].port: expected a number from 1 to 65535, found 0"
            ], objects: ["Service default/api"]),
        BrokenCase(
            testDescription: "a document that is no YAML leaves its neighbours alone",
            text: service("a") + "---\nkind: Service\nmetadata:\n\tname: b\n---\n" + service("c"),
            messages: [
                "web.yaml:10: document 2: not valid YAML: a tab in its indentation, where YAML takes only spaces"
            ], objects: ["Service default/a", "Service default/c"]),
        BrokenCase(
            testDescription: "bad indentation",
            text: "kind: Service\nmetadata:\n    name: a\n  labels: {}\n",
            messages: [
                "web.yaml:4: not valid YAML: did not find expected key while parsing a block mapping that begins in line 1"
            ]),
        BrokenCase(
            testDescription: "an unclosed quote",
            text: "kind: \"Service\nmetadata: {}\n",
            messages: [
                "web.yaml:3: not valid YAML: found unexpected end of stream while scanning a quoted scalar that begins in line 1"
            ]),
        BrokenCase(
            testDescription: "a number for a label",
            text: "kind: Service\nmetadata:\n  name: web\n  labels:\n    version: 1.0\nspec: {}\n",
            messages: [
                "web.yaml:5: Service default/web: metadata.labels.version: expected text, found 1.0 (put it in quotes)"
            ]),
        BrokenCase(
            testDescription: "a truth value for a port name",
            text: "kind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - port: 80\n    name: on\n",
            messages: [
                "web.yaml:6: Service default/web: spec.ports[0].name: expected text, found true (put it in quotes)"
            ]),
        BrokenCase(
            testDescription: "a port in quotes",
            text: "kind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - port: '80'\n",
            messages: [
                "web.yaml:5: Service default/web: spec.ports[0].port: expected a number from 1 to 65535, found \"80\""
            ]),
        BrokenCase(
            testDescription: "a missing port is reported where its entry begins",
            text:
                "kind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  ports:\n  - name: http\n    targetPort: 1\n",
            messages: [
                "web.yaml:5: Service shop/web: spec.ports[0].port: expected a number from 1 to 65535, found nothing"
            ]),
        BrokenCase(
            testDescription: "a list where an object should be, and the reverse",
            text: """
                kind: Service
                metadata: {name: a}
                spec: []
                ---
                kind: Service
                metadata: {name: b}
                spec:
                  ports:
                    port: 80
                """,
            messages: [
                "web.yaml:3: document 1, Service default/a: spec: expected an object, found a list",
                "web.yaml:8: document 2, Service default/b: spec.ports: expected a list, found an object",
            ]),
        BrokenCase(
            testDescription: "a bad address in a slice",
            text: """
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: web-1}
                addressType: IPv4
                endpoints:
                - addresses:
                  - 10.0.0.1
                - addresses:
                  - 10.0.0.256
                """,
            messages: [
                "web.yaml:9: EndpointSlice default/web-1: endpoints[1].addresses[0]: expected an IP address, found \"10.0.0.256\""
            ]),
        BrokenCase(
            testDescription: "an address of the wrong family",
            text: "kind: EndpointSlice\nmetadata: {name: s}\naddressType: IPv6\nendpoints: [{addresses: [10.0.0.1]}]\n",
            messages: [
                "web.yaml:4: EndpointSlice default/s: endpoints[0].addresses[0]: expected an IPv6 address, found \"10.0.0.1\""
            ]),
        BrokenCase(
            testDescription: "an Endpoints object with a missing address",
            text: "kind: Endpoints\nmetadata: {name: e}\nsubsets:\n- addresses:\n  - hostname: x\n",
            messages: [
                "web.yaml:5: Endpoints default/e: subsets[0].addresses[0].ip: expected an IP address, found nothing"
            ]),
        BrokenCase(
            testDescription: "a pod and a node",
            text: """
                kind: Pod
                metadata: {name: p}
                status: {podIP: here}
                ---
                kind: Node
                metadata: {name: n, labels: []}
                """,
            messages: [
                "web.yaml:3: document 1, Pod default/p: status.podIP: expected an IP address, found \"here\"",
                "web.yaml:6: document 2, Node n: metadata.labels: expected an object, found a list",
            ]),
        BrokenCase(
            testDescription: "a field that is there twice",
            text: "kind: Service\nmetadata: {name: web}\nspec:\n  type: NodePort\n  ports: []\n  type: ClusterIP\n",
            messages: [
                "web.yaml:6: Service default/web: spec.type: expected each field once, found it again after line 4"
            ]),
        BrokenCase(
            testDescription: "an old API version of a known kind",
            text: "apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\nmetadata: {name: s}\n",
            messages: [
                "web.yaml:1: EndpointSlice default/s: apiVersion: expected discovery.k8s.io/v1, found \"discovery.k8s.io/v1beta1\""
            ]),
        BrokenCase(
            testDescription: "no kind, no object, no name",
            text: "metadata: {name: a}\n---\njust text\n---\nkind: Service\nmetadata: {}\nspec: {}\n",
            messages: [
                "web.yaml:1: document 1: expected a field kind",
                "web.yaml:3: document 2: expected an object, found \"just text\"",
                "web.yaml:6: document 3, Service: metadata.name: expected text, found nothing",
            ]),
        BrokenCase(
            testDescription: "elements of a list have errors of their own",
            text: """
                apiVersion: v1
                kind: List
                items:
                - kind: Service
                  metadata: {name: a}
                  spec: {}
                - kind: Service
                  metadata: {name: b}
                  spec:
                    ports:
                    - port: -1
                - kind: Service
                  metadata: {name: c}
                  spec: {}
                """,
            messages: [
                "web.yaml:11: Service default/b: items[1].spec.ports[0].port: expected a number from 1 to 65535, found -1"
            ], objects: ["Service default/a", "Service default/c"]),
        BrokenCase(
            testDescription: "items that are no list",
            text: "kind: ServiceList\nitems: {a: 1}\n",
            messages: ["web.yaml:2: items: expected a list, found an object"]),
        BrokenCase(
            testDescription: "JSON with a wrong value", file: "web.json",
            text: """
                {
                  "kind": "ServiceList",
                  "items": [
                    {
                      "metadata": {"name": "web"},
                      "spec": {
                        "ports": [
                          {"port": 70000}
                        ]
                      }
                    }
                  ]
                }
                """,
            messages: [
                "web.json:8: Service default/web: items[0].spec.ports[0].port: expected a number from 1 to 65535, found 70000"
            ]),
        BrokenCase(
            testDescription: "JSON that breaks off keeps the documents before", file: "web.json",
            text: "{\"kind\": \"Service\", \"metadata\": {\"name\": \"a\"}, \"spec\": {}}\n{\"kind\": \"Service\",\n",
            messages: ["web.json:3: not valid JSON: expected a field name in quotes, found the end of the file"],
            objects: ["Service default/a"]),
        BrokenCase(
            testDescription: "values of several lines stay on one",
            text: "kind: Service\nmetadata: {name: web}\nspec:\n  clusterIP: |\n    a\n    b\n",
            messages: [
                "web.yaml:4: Service default/web: spec.clusterIP: expected an IP address or None, found \"a b \""
            ]),
    ]

    @Test("Each with file, line, document, object, field and expectation", arguments: cases)
    func broken(_ row: BrokenCase) {
        let contents = read(row.text, file: row.file)
        #expect(contents.messages == row.messages)
        #expect(contents.names == row.objects)
    }

    @Test("Text that is not UTF-8 says so")
    func encoding() {
        let contents = ManifestReader.read(Array("kind: ".utf8) + [0xFF, 0xFE, 0x0A], file: "web.yaml")
        #expect(contents.failures.count == 1)
        #expect(contents.messages.first?.contains("not UTF-8 text") == true)
    }

    @Test("Lines are counted with carriage returns and a byte order mark")
    func lineCounting() {
        let text = "\u{FEFF}" + service("a") + "---\n" + service("b", port: 0)
        let contents = read(text.replacing("\n", with: "\r\n"))
        #expect(
            contents.messages == [
                "web.yaml:13: document 2, Service default/b: spec.ports[0].port: expected a number from 1 to 65535, found 0"
            ])
        #expect(contents.names == ["Service default/a"])
    }
}
