import Objects
import Testing

@testable import KubernetesAPI

@Suite("A reflector")
struct ReflectorTests {
    private let web = serviceJSON("web", version: 5, kind: "")

    @Test("It lists what the server has at hand, and watches from there")
    func listAndWatch() {
        var rig = Rig()
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&resourceVersion=0")
        rig.answer(listJSON([web], version: 9).utf8)
        #expect(rig.names == ["web"])
        #expect(rig.reflector.hasSynced)
        let watch = rig.ask()
        #expect(watch["watch"] == "true" && watch["resourceVersion"] == "9" && watch["allowWatchBookmarks"] == "true")
        #expect(watch["timeoutSeconds"].flatMap { Int($0) }.map { (300...600).contains($0) } == true)
        rig.answer(eventJSON("ADDED", serviceJSON("db", version: 10)).utf8, .none)
        rig.more(eventJSON("DELETED", serviceJSON("web", version: 11)).utf8)
        #expect(rig.objects[ObjectID(.service, ObjectKey(namespace: "default", name: "web"))] == .some(nil))
        rig.now += .seconds(400)
        rig.more("".utf8, .declared)
        // It ended as it should: it goes on from there at once, and lists nothing.
        #expect(rig.ask()["resourceVersion"] == "11")
        #expect(rig.waited == .zero && rig.outage == nil)
    }

    @Test("The time that a watch is to last is spread")
    func spread() {
        let times = (0..<40).map { (seed: UInt64) in
            var rig = Rig(seed: seed)
            _ = rig.ask()
            rig.answer(listJSON([], version: 1).utf8)
            return rig.ask()["timeoutSeconds"]
        }
        #expect(Set(times).count > 20)
    }

    @Test("Pages are put together, and the watch begins at the version of the first")
    func pages() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9, continuation: "abc").utf8)
        #expect(!rig.reflector.hasSynced)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&continue=abc")
        rig.answer(listJSON([serviceJSON("db", version: 7, kind: "")], version: 9).utf8)
        #expect(rig.names == ["db", "web"])
        #expect(rig.ask()["resourceVersion"] == "9")
    }

    @Test("What is missing from a new list is gone, and what is the same is not told again")
    func differences() {
        var rig = Rig()
        _ = rig.ask()
        let others = (0..<50).map { serviceJSON("s\($0)", version: 3, kind: "") }
        rig.answer(listJSON(others + [web], version: 9).utf8)
        #expect(rig.changes == 51)
        rig.reflector.reread()
        #expect(rig.ask()["resourceVersion"] == "9")
        rig.answer(listJSON(others + [serviceJSON("new", version: 12, kind: "")], version: 12).utf8)
        #expect(rig.changes == 2)
        #expect(rig.objects[ObjectID(.service, ObjectKey(namespace: "default", name: "web"))] == .some(nil))
    }

    @Test("An event of a version that is known already is no change")
    func replay() {
        var rig = watching()
        rig.answer(eventJSON("MODIFIED", serviceJSON("web", version: 10)).utf8, .broken)
        #expect(rig.changes == 1)
        #expect(rig.ask()["resourceVersion"] == "10")
        rig.answer(eventJSON("MODIFIED", serviceJSON("web", version: 10)).utf8, .none)
        #expect(rig.changes == 0)
    }

    // MARK: What the server no longer knows

    @Test("A watch that has expired costs one list, of what is known or newer", arguments: [true, false])
    func expiredWatch(_ asEvent: Bool) {
        var rig = watching()
        let status = statusJSON(410, reason: "Expired", message: "too old resource version: 9 (400)")
        if asEvent { rig.answer(eventJSON("ERROR", status).utf8) } else { rig.answer(410, status.utf8) }
        #expect(rig.ask().line == "GET /api/v1/services?resourceVersion=9")
        #expect(rig.waited > .zero && rig.outage == nil)
        rig.answer(listJSON([web], version: 400).utf8)
        #expect(rig.ask()["resourceVersion"] == "400")
    }

    @Test("A list that has expired is asked for as it is now")
    func expiredList() {
        var rig = watching()
        rig.answer(410, statusJSON(410, reason: "Expired").utf8)
        _ = rig.ask()
        rig.answer(410, statusJSON(410, reason: "Expired").utf8)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500")
    }

    @Test("Pages that have expired are asked for all in one")
    func expiredPage() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9, continuation: "abc").utf8)
        _ = rig.ask()
        rig.answer(410, statusJSON(410, reason: "Expired").utf8)
        #expect(rig.ask().line == "GET /api/v1/services")
        // What was on the page before may be gone by now.
        rig.answer(listJSON([], version: 20).utf8)
        #expect(rig.objects.values.compactMap(\.self).isEmpty)
    }

    @Test("A version of the future is given up: the server was put back, or another one is ahead")
    func futureVersion() {
        var rig = watching()
        rig.answer(410, statusJSON(410).utf8)
        _ = rig.ask()
        rig.answer(504, retryAfter: "1", statusJSON(504, reason: "Timeout", cause: "ResourceVersionTooLarge").utf8)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500")
        rig.answer(listJSON([web], version: 4).utf8)
        #expect(rig.ask()["resourceVersion"] == "4")
    }

    @Test("Two watches in a row that are silent where there were bookmarks lead to a list")
    func silentWatches() {
        var rig = watching()
        rig.answer(bookmarkJSON(10).utf8, .none)
        for _ in 0..<2 {
            rig.now += .seconds(150)
            rig.reflector.fail(.silent("it was silent"), at: rig.now)
            #expect(rig.outage == nil)
            let request = rig.ask()
            #expect(request["resourceVersion"] == "10")
            if !request.isWatch { return }
            rig.answer("".utf8, .none)
        }
        Issue.record("it never listed")
    }

    @Test("Without bookmarks silence means nothing: the watch is begun anew")
    func silenceWithoutBookmarks() {
        var rig = watching()
        for _ in 0..<5 {
            rig.answer("".utf8, .none)
            rig.now += .seconds(150)
            rig.reflector.fail(.silent("silent"), at: rig.now)
            #expect(rig.ask()["resourceVersion"] == "9")
            #expect(rig.waited == .zero && rig.outage == nil)
        }
    }

    @Test("The client is told how long the server may be silent, and a server that does not answer is told")
    func patience() {
        var rig = Rig()
        #expect(rig.ask().patience == .seconds(60))
        rig.reflector.fail(.silent("10.0.0.1:6443 has not answered for 60 s"), at: rig.now)
        #expect(rig.outage == "10.0.0.1:6443 has not answered for 60 s")
        _ = rig.ask()
        rig.answer(listJSON([], version: 9).utf8)
        #expect(rig.ask().patience == .seconds(150))
    }

    // MARK: Streaming lists

    @Test("A streaming list is told at its end, and becomes the watch")
    func streaming() {
        var rig = Rig(mayStream: true)
        let request = rig.ask()
        #expect(request["sendInitialEvents"] == "true" && request["resourceVersionMatch"] == "NotOlderThan")
        #expect(request["resourceVersion"] == nil && request["allowWatchBookmarks"] == "true")
        // Its order is by name, not by version.
        rig.answer(
            (eventJSON("ADDED", serviceJSON("a", version: 8)) + eventJSON("ADDED", serviceJSON("b", version: 3))).utf8,
            .none)
        #expect(!rig.reflector.hasSynced)
        rig.more(bookmarkJSON(9, endsList: true).utf8)
        #expect(rig.reflector.hasSynced && rig.names == ["a", "b"])
        rig.more(eventJSON("MODIFIED", serviceJSON("b", version: 10)).utf8, .broken)
        #expect(rig.changes == 1)
        #expect(rig.ask()["resourceVersion"] == "10")
    }

    @Test(
        "A server that cannot stream a list is asked for an ordinary one at once, and not again",
        arguments: [
            (422, statusJSON(422, reason: "Invalid", message: "sendInitialEvents is forbidden")), (400, ""), (404, ""),
            (403, statusJSON(403)), (200, eventJSON("ERROR", statusJSON(500, reason: "InternalError"))),
        ])
    func noStreams(_ status: Int, _ body: String) {
        var rig = Rig(mayStream: true)
        _ = rig.ask()
        rig.answer(status, body.utf8)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&resourceVersion=0")
        #expect(rig.waited == .zero && rig.outage == nil)
        rig.answer(listJSON([web], version: 9).utf8)
        rig.reflector.reread()
        #expect(!rig.ask().isWatch)
    }

    @Test("A server that takes a streaming list for an ordinary watch is noticed by its silence")
    func ignoredStream() {
        var rig = Rig(mayStream: true)
        #expect(rig.ask().patience == .seconds(150))
        rig.answer(eventJSON("ADDED", serviceJSON("a", version: 8)).utf8, .none)
        rig.now += .seconds(150)
        rig.reflector.fail(.silent("silent"), at: rig.now)
        #expect(rig.ask().line == "GET /api/v1/services?limit=500&resourceVersion=0")
        #expect(rig.outage == nil)
    }

    @Test("A streaming list that breaks off twice is given up for an ordinary one")
    func brokenStreams() {
        var rig = Rig(mayStream: true)
        for _ in 0..<2 {
            #expect(rig.ask().isWatch)
            rig.answer(eventJSON("ADDED", serviceJSON("a", version: 8)).utf8, .broken)
        }
        #expect(!rig.ask().isWatch)
    }

    // MARK: What goes wrong

    @Test("A broken watch goes on where it was, and nobody hears of it", arguments: [Rig.Ending.broken, .declared])
    func broken(_ ending: Rig.Ending) {
        var rig = watching()
        rig.answer(bookmarkJSON(70).utf8, .none)
        rig.now += .seconds(5)
        rig.more("{\"type\":\"MODI".utf8, ending)
        #expect(rig.outage == nil)
        let request = rig.ask()
        #expect(request.isWatch && request["resourceVersion"] == "70")
    }

    /// How many requests an hour brings, if each watch lasts so long and brings so much.
    private func requestsPerHour(_ lasting: (APIRequest) -> Duration, _ body: String = "") -> Int {
        var (rig, count) = (watching(), 0)
        let end = rig.now + .seconds(3600)
        var request = rig.ask()
        while rig.now < end {
            count += 1
            rig.answer("".utf8, .none)
            rig.now += lasting(request)
            rig.more(body.utf8, .declared)
            request = rig.ask()
        }
        return count
    }

    @Test("Watches that end at once are waited between, whatever they bring", arguments: ["", bookmarkJSON(70)])
    func shortWatches(_ body: String) {
        #expect(requestsPerHour({ _ in .milliseconds(5) }, body) < 260)
    }

    @Test("Where nothing changes there are a dozen requests an hour at most")
    func quietHour() {
        #expect((6...12).contains(requestsPerHour { .seconds($0["timeoutSeconds"].flatMap { Int($0) } ?? 0) }))
    }

    @Test(
        "Watches that something on the way cuts again and again go on at once",
        arguments: [Rig.Ending.broken, .declared], [20, 40, 60])
    func regularCuts(_ ending: Rig.Ending, _ seconds: Int) {
        var rig = watching()
        for _ in 0..<9 {
            rig.reflector.fail(.unreachable("connection refused"), at: rig.now)
            _ = rig.ask()
        }
        for _ in 0..<50 {
            rig.answer("".utf8, .none)
            rig.now += .seconds(seconds)
            rig.more("".utf8, ending)
            _ = rig.ask()
            #expect(rig.waited == .zero && rig.outage == nil)
        }
    }

    @Test("Watches that end at once are told from the third on, once, until one lasts")
    func shortWatchesAreTold() {
        var rig = watching()
        var told: [String?] = []
        for _ in 0..<9 {
            rig.answer("".utf8, .none)
            told.append(rig.outage)
            rig.more("".utf8, .declared)
            told.append(rig.outage)
            _ = rig.ask()
        }
        #expect(told.prefix(5).allSatisfy { $0 == nil })
        #expect(Set(told.dropFirst(5)) == ["watches of Services end at once"])
        rig.answer("".utf8, .none)
        rig.now += .seconds(60)
        rig.more(bookmarkJSON(80).utf8)
        #expect(rig.outage == nil)
    }

    @Test("A watch that is refused as soon as it has begun is told once, not each time it is tried")
    func refusedEvents() {
        var (rig, told) = (watching(), [String?]())
        for _ in 0..<9 {
            rig.answer("".utf8, .none)
            told.append(rig.outage)
            rig.more(eventJSON("ERROR", statusJSON(503, message: "etcd is away")).utf8)
            if !rig.ask().isWatch {
                rig.answer(listJSON([web], version: 9).utf8)
                _ = rig.ask()
            }
        }
        #expect(Set(told.dropFirst()) == ["it answers 503 (etcd is away)"])
    }

    @Test("A server that forgets every version at once is asked for lists ever less, and that is told")
    func expiresAgainAndAgain() {
        var (rig, lists) = (watching(), 0)
        let end = rig.now + .seconds(3600)
        while rig.now < end {
            rig.answer(eventJSON("ERROR", statusJSON(410, reason: "Expired", message: "too old")).utf8)
            #expect(!rig.ask().isWatch)
            lists += 1
            rig.answer(listJSON([web], version: 9).utf8)
            #expect(rig.ask().isWatch)
        }
        #expect(lists < 260)
        #expect(rig.outage == "watches of Services end at once: it answers 410 (too old)")
    }

    @Test("A list of nothing, as Go writes it, means that there is nothing")
    func nullItems() {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9).utf8)
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(#"{"kind":"ServiceList","metadata":{"resourceVersion":"12"},"items":null}"#.utf8)
        #expect(rig.outage == nil && rig.reflector.version == "12")
        #expect(rig.objects.values.compactMap(\.self).isEmpty)
    }

    @Test("A server that cannot be reached is asked less and less, and what is known stays")
    func unreachable() {
        var rig = watching()
        var waits: [Duration] = []
        for _ in 0..<12 {
            rig.reflector.fail(.unreachable("10.0.0.1:6443: connection refused"), at: rig.now)
            #expect(rig.ask().isWatch)
            waits.append(rig.waited)
        }
        #expect(rig.outage == "10.0.0.1:6443: connection refused")
        #expect((Duration.milliseconds(800)...Duration.milliseconds(1600)).contains(waits[0]))
        for wait in waits.dropFirst(6) { #expect((Duration.seconds(15)...Duration.seconds(30)).contains(wait)) }
        #expect(rig.names == ["web"])
        rig.answer("".utf8, .none)
        #expect(rig.outage == nil)
    }

    @Test("A server that asks for time gets it", arguments: [(429, "7", 7), (503, "100000", 120), (429, "soon", 0)])
    func retryAfter(_ status: Int, _ header: String, _ seconds: Int) {
        var rig = watching()
        rig.answer(status, retryAfter: header, "Too many requests, please try again later.".utf8)
        #expect(rig.outage == "it answers \(status) (Too many requests, please try again later.)")
        #expect(rig.ask()["resourceVersion"] == "9")
        #expect(rig.waited >= .seconds(seconds) && rig.waited < .seconds(seconds + 2))
    }

    @Test("Refused credentials are told, and tried again")
    func unauthorized() {
        var rig = watching()
        rig.answer(401, statusJSON(401, reason: "Unauthorized", message: "Unauthorized").utf8)
        #expect(rig.outage == "it does not accept the credentials (401)")
        #expect(rig.ask().isWatch)
    }

    @Test("A watch that is refused again and again leads to a list")
    func refusedWatches() {
        var rig = watching()
        for _ in 0..<3 {
            rig.answer(200, eventJSON("ERROR", statusJSON(500, reason: "InternalError", message: "no")).utf8)
            if !rig.ask().isWatch { return }
        }
        Issue.record("it never listed")
    }

    @Test("Where only lists are allowed they are asked for now and then")
    func listsOnly() {
        var rig = watching()
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
        var rig = watching()
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

    private func watching() -> Rig {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9).utf8)
        _ = rig.ask()
        return rig
    }
}
