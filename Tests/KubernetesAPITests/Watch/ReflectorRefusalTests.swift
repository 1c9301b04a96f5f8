import Objects
import Testing

@testable import KubernetesAPI

@Suite("A reflector that is refused something")
struct ReflectorRefusalTests {
    private let web = Rig.web

    @Test("Refused credentials are told, and tried again")
    func unauthorized() {
        var rig = Rig.watching()
        rig.answer(401, statusJSON(401, reason: "Unauthorized", message: "Unauthorized").utf8)
        #expect(rig.outage == "it does not accept the credentials (401)")
        #expect(rig.ask().isWatch)
    }

    @Test("A watch that is refused again and again leads to a list")
    func refusedWatches() {
        var rig = Rig.watching()
        for _ in 0..<3 {
            rig.answer(200, eventJSON("ERROR", statusJSON(500, reason: "InternalError", message: "no")).utf8)
            if !rig.ask().isWatch { return }
        }
        Issue.record("it never listed")
    }

    @Test("Where only lists are allowed they are asked for now and then")
    func listsOnly() {
        var rig = Rig.watching()
        let refusal = statusJSON(403, message: #"User \"system:serviceaccount:kube:px\" cannot watch"#)
        for _ in 0..<2 {
            rig.answer(403, refusal.utf8)
            #expect(rig.ask().isWatch)
        }
        rig.answer(403, refusal.utf8)
        #expect(
            rig.outage
                == "may not watch services in all namespaces (403); the ClusterRole system:node-proxier allows it: "
                + "kubectl create clusterrolebinding portico --clusterrole=system:node-proxier --serviceaccount=kube:px; "
                + "until then they are listed now and then")
        #expect(!rig.ask().isWatch)
        #expect(rig.waited >= .seconds(15))
        rig.answer(listJSON([web], version: 30).utf8)
        // It is not over: nothing is said twice.
        #expect(rig.outage != nil)
    }

    @Test("A server that has just started, and does not know its roles yet, costs neither a list nor a word")
    func startingServer() {
        var rig = Rig.watching()
        rig.reflector.mayStream = true
        let version = rig.reflector.version
        for _ in 0..<2 {
            rig.answer(403, statusJSON(403, message: #"User \"jane\" cannot watch"#).utf8)
            #expect(rig.outage == nil)
            #expect(rig.ask()["resourceVersion"] == version)
            #expect(rig.waited <= .seconds(4))
        }
        rig.answer([UInt8](), .none)
        #expect(rig.outage == nil && rig.reflector.phase == .watching && rig.reflector.mayStream)
        rig.more([UInt8](), .broken)
        // The next such server is given as much time.
        _ = rig.ask()
        rig.answer(403, statusJSON(403).utf8)
        #expect(rig.outage == nil && rig.ask().isWatch)
        // The same when it has to list.
        rig.answer(200, eventJSON("ERROR", statusJSON(410, reason: "Expired")).utf8)
        #expect(!(rig.ask()["sendInitialEvents"] ?? "").isEmpty)
        rig.answer(403, statusJSON(403).utf8)
        #expect(!(rig.ask()["sendInitialEvents"] ?? "").isEmpty && rig.outage == nil)
    }

    @Test("A list that may not be had names verb, resource and namespace")
    func forbidden() {
        var rig = Rig([WatchedResource(.endpointSlice, namespace: "shop")])
        _ = rig.ask()
        rig.answer(403, statusJSON(403, message: #"User \"jane\" cannot list"#).utf8)
        #expect(
            rig.outage
                == "may not list endpointslices.discovery.k8s.io in namespace shop (403); the ClusterRole "
                + "system:node-proxier allows it: kubectl create rolebinding portico --namespace=shop "
                + "--clusterrole=system:node-proxier --user=jane")
        #expect(!rig.reflector.hasSynced)
    }

    @Test(
        "The command that grants a permission is for one who is known, and for nobody else",
        arguments: [
            (
                "system:anonymous",
                "the API server does not know who asks; give it the credentials of a user in the kubeconfig"
            ),
            ("jane;rm -rf ~", "--user=NAME"), ("jane$(id)", "--user=NAME"), ("jän", "--user=NAME"), ("", "--user=NAME"),
            ("system:serviceaccount:kube:$(id)", "--user=NAME"),
            ("system:serviceaccount::px", "--user=system:serviceaccount::px"),
            ("jane@example.org", "--user=jane@example.org"), ("system:node:n-1", "--user=system:node:n-1"),
            ("system:serviceaccount:kube-system:px", "--serviceaccount=kube-system:px"),
        ])
    func commands(_ user: String, _ end: String) {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(403, statusJSON(403, message: #"services is forbidden: User \"\#(user)\" cannot list"#).utf8)
        #expect(rig.outage?.hasSuffix(end) == true, "\(rig.outage ?? "")")
        #expect(rig.outage?.contains("anonymous") == false)
    }

    @Test(
        "No command is proposed where it would not give the permission",
        arguments: [
            (
                #"users \"jane\" is forbidden: User \"joe\" cannot impersonate resource \"users\""#,
                #"may not list services in all namespaces (403: users "jane" is forbidden: User "joe" cannot impersonate "#
                    + #"resource "users")"#
            ),
            (
                "Blocked by the firewall",
                "may not list services in all namespaces (403: Blocked by the firewall); the ClusterRole "
                    + "system:node-proxier allows it"
            ),
        ])
    func noCommand(message: String, told: String) {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(403, statusJSON(403, message: message).utf8)
        #expect(rig.outage == told)
    }

    @Test("A kind that the server does not have is empty, and what was known of it stays")
    func unknownKind() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(404, "404 page not found".utf8)
        #expect(rig.reflector.hasSynced && rig.outage?.contains("/api/v1/services (404)") == true)
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9).utf8)
        #expect(rig.outage == nil)
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(404, "404 page not found".utf8)
        #expect(rig.objects.values.compactMap(\.self).count == 1)
    }

    @Test("Endpoints take the place of EndpointSlices where there are none, and give it back")
    func endpointsInstead() {
        var rig = Rig([WatchedResource(.endpointSlice), WatchedResource(.endpoints)])
        _ = rig.ask()
        rig.answer(404, statusJSON(404).utf8)
        #expect(rig.ask().path == "/api/v1/endpoints")
        #expect(rig.waited == .zero)
        let endpoints = #"{"metadata":{"name":"web","namespace":"default","resourceVersion":"3"}}"#
        rig.answer(listJSON([endpoints], version: 9, kind: "EndpointsList").utf8)
        #expect(rig.objects.keys.map(\.kind) == [.endpoints])
        #expect(rig.reflector.note == "Endpoints are read: the API server has no EndpointSlices")
        // The server is another one now.
        rig.reflector.reread()
        #expect(rig.ask().path == "/apis/discovery.k8s.io/v1/endpointslices")
        let slice = """
            {"metadata":{"name":"web-1","namespace":"default","resourceVersion":"4","labels":\
            {"kubernetes.io/service-name":"web"}},"addressType":"IPv4","endpoints":null,"ports":null}
            """
        rig.answer(listJSON([slice], version: 12, kind: "EndpointSliceList").utf8)
        #expect(rig.objects.compactMapValues(\.self).keys.map(\.kind) == [.endpointSlice])
        #expect(rig.reflector.note == nil)
    }

    @Test("Where EndpointSlices may not be read, Endpoints will do, and then Pods")
    func podsInstead() {
        let kinds = [WatchedResource(.endpointSlice), WatchedResource(.endpoints), WatchedResource(.pod)]
        var rig = Rig(kinds, takesWhatIsAllowed: true)
        let refusal = statusJSON(403, message: #"User \"jane\" cannot list"#)
        for path in ["/apis/discovery.k8s.io/v1/endpointslices", "/api/v1/endpoints"] {
            #expect(rig.ask().path == path)
            rig.answer(403, refusal.utf8)
        }
        #expect(rig.ask().path == "/api/v1/pods" && rig.waited == .zero && rig.outage == nil)
        let pod = #"{"metadata":{"name":"web-1","namespace":"default","resourceVersion":"3"}}"#
        rig.answer(listJSON([pod], version: 9, kind: "PodList").utf8)
        #expect(rig.objects.keys.map(\.kind) == [.pod])
        #expect(rig.reflector.note?.hasPrefix("Pods are read: the user may not list endpointslices.disc") == true)
        // Somebody has given the permission.
        rig.reflector.reread()
        #expect(rig.ask().path == "/apis/discovery.k8s.io/v1/endpointslices")
        rig.answer(listJSON([], version: 12, kind: "EndpointSliceList").utf8)
        #expect(rig.objects.compactMapValues(\.self).isEmpty && rig.reflector.note == nil)
    }

    @Test("If none may be read, the permission that is asked for is that for the best of them")
    func noneAllowed() {
        let kinds = [WatchedResource(.endpointSlice), WatchedResource(.endpoints), WatchedResource(.pod)]
        var rig = Rig(kinds, takesWhatIsAllowed: true)
        for _ in 0..<2 {
            for path in ["/apis/discovery.k8s.io/v1/endpointslices", "/api/v1/endpoints", "/api/v1/pods"] {
                #expect(rig.ask().path == path)
                rig.answer(403, statusJSON(403, message: #"User \"jane\" cannot list"#).utf8)
            }
            #expect(
                rig.outage?.hasPrefix("may not list endpointslices.discovery.k8s.io in all namespaces (403)") == true)
        }
        #expect(!rig.reflector.hasSynced)
    }

    @Test("A node does not make do with less: it would serve something else than others")
    func nodeInsists() {
        var rig = Rig([WatchedResource(.endpointSlice), WatchedResource(.endpoints)])
        for _ in 0..<2 {
            #expect(rig.ask().path == "/apis/discovery.k8s.io/v1/endpointslices")
            rig.answer(403, statusJSON(403).utf8)
        }
    }
}
