import Base
import KubernetesAPI
import Objects
import Testing

@testable import portico

/// Which problems a cluster is told of, and beside which object (docs/behaviour.md, B11.5).
@Suite("Problems as events") struct EventTellingTests {
    private func telling(_ kind: Problem.Kind, _ subject: String) -> EventTelling? {
        EventTelling(Problem(.error, kind, subject: subject, "something is wrong"))
    }

    @Test(
        "What is wrong with a Service is told beside it, however it is named",
        arguments: [
            "Service shop/web", "shop/web", "shop/web:http", "shop/web/udp", "shop/web:dns/udp",
        ])
    func services(subject: String) throws {
        let web = ObjectKey(namespace: "shop", name: "web")
        let port = try #require(telling(.listener, subject))
        #expect(
            port.service == web && port.reason == "FailedToOpenPort" && port.action == "Listen" && !port.isOfCluster)
        let object = try #require(telling(.object, subject))
        #expect(object.service == web && object.reason == "NotServedAsWritten" && object.isOfCluster)
        let health = try #require(telling(.health, subject))
        #expect(
            health.service == web && health.reason == "FailedToStartServiceHealthcheck" && health.action == "Listen")
    }

    @Test("What is wrong with the node is told beside that, in the words of kube-proxy where it has some")
    func node() throws {
        let health = try #require(telling(.health, ""))
        #expect(health.service == nil && health.reason == "FailedToStartProxierHealthcheck")
        #expect(health.action == "StartKubeProxy")
        #expect(telling(.rules, "the rules for IPv4")?.reason == "FailedToApplyRules")
        #expect(telling(.resources, "")?.reason == "OutOfResources")
        #expect(telling(.resources, "shop/web:http")?.service == nil)
    }

    @Test("Rules that are refused for a Service are the node's affair, and what a cluster cannot be told is not told")
    func others() {
        #expect(telling(.rules, "shop/web")?.service == nil)
        #expect(telling(.source, "API server") == nil)
        #expect(telling(.node, "Node node1") == nil)
        #expect(telling(.endpoints, "Service shop/web") == nil)
        for subject in ["", "EndpointSlice shop/web-1", "this node", "Node a/b", "shop", "a/b/c/d", "/web"] {
            #expect(telling(.object, subject) == nil, "\(subject)")
            #expect(telling(.listener, subject) == nil, "\(subject)")
        }
    }
}
