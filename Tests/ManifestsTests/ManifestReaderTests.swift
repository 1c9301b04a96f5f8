import Base
import Objects
import Testing

@testable import Manifests

@Suite("Reading manifests")
struct ManifestReaderTests {
    @Test("kubectl get -o yaml: a mixed list, other kinds counted")
    func mixedList() {
        let text = """
            apiVersion: v1
            items:
            - apiVersion: v1
              kind: Service
              metadata: {name: web, namespace: shop}
              spec: {clusterIP: 10.0.0.1, ports: [{port: 80, targetPort: 8080}]}
              status: {loadBalancer: {}}
            - apiVersion: discovery.k8s.io/v1
              kind: EndpointSlice
              metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
              addressType: IPv4
              endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}}]
              ports: [{port: 8080, name: "", protocol: TCP}]
            - apiVersion: v1
              kind: Pod
              metadata: {name: web-a, namespace: shop}
              spec: {containers: [{name: c, image: x, ports: [{containerPort: 8080}]}]}
              status: {phase: Running, podIP: 10.1.0.1, conditions: [{type: Ready, status: "True"}]}
            - {apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}
            - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
            - {apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}
            - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
            - {apiVersion: batch/v1, kind: CronJob, metadata: {name: a}}
            - {apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: k}}
            kind: List
            metadata: {resourceVersion: ""}
            """
        let contents = read(text)
        #expect(contents.messages.isEmpty)
        #expect(
            contents.names == [
                "Service shop/web", "EndpointSlice shop/web-1", "Pod shop/web-a", "Deployment default/a",
                "Deployment default/b",
            ])
        #expect(
            contents.skippedNote(file: "web.yaml")
                == "web.yaml: skipped 2 ConfigMap, 1 CronJob, 1 Service of serving.knative.dev/v1")
    }

    @Test("Lists of other kinds are skipped like their elements")
    func otherLists() {
        let contents = read("kind: PodList\napiVersion: v1\nitems: []\n---\nkind: RouteList\napiVersion: r.io/v1\n")
        #expect(contents.messages.isEmpty)
        #expect(contents.skipped == ["RouteList": 1])
    }

    @Test("JSON is known by how it begins; YAML that begins alike is still YAML")
    func sniffing() {
        let json =
            "\n {\"kind\": \"Service\", \"metadata\": {\"name\": \"a\"}, \"spec\": {}} {\"kind\": \"Node\", \"metadata\": {\"name\": \"n\"}}"
        #expect(read(json, file: "standard input").names == ["Service default/a", "Node n"])
        let yaml = "{\"kind\": Service, metadata: {name: a}, spec: {}}\n---\nkind: Node\nmetadata: {name: n}\n"
        #expect(read(yaml).names == ["Service default/a", "Node n"])
    }

    @Test("Empty documents, comments and null")
    func empty() {
        #expect(read("# nothing\n---\n---\nnull\n--- # c\n~\n") == FileContents())
        #expect(read("") == FileContents())
        #expect(read("", file: "a.json") == FileContents())
    }

    @Test("Anchors of one document serve all its objects")
    func anchors() {
        let text = """
            kind: List
            items:
            - kind: Service
              metadata: {name: a}
              spec: &spec {ports: [{port: 80}]}
            - kind: Service
              metadata: {name: b}
              spec: {<<: *spec, type: NodePort}
            """
        let contents = read(text)
        #expect(contents.messages.isEmpty)
        guard case .service(let service) = contents.objects.last?.object else {
            Issue.record("no service")
            return
        }
        #expect(service.spec.type == .nodePort && service.spec.ports.map(\.port) == [80])
    }
}
