import Base
import Cluster
import Objects
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Objects from an API server", .timeLimit(.minutes(1)))
struct APISourceTests {
    private static let services = "/api/v1/services"
    private static let slices = "/apis/discovery.k8s.io/v1/endpointslices"
    private static let nodes = "/api/v1/nodes"

    private let clock: ManualClock
    private let client: ScriptedClient

    init() {
        clock = ManualClock()
        client = ScriptedClient(clock) { _ in .silence }
    }

    private func source(_ selection: APISelection = .node(named: "n1")) -> APISource {
        APISource(
            client, selection, clock: clock, random: SeededRandom(1), beginning: Timestamp(seconds: 1_800_000_000))
    }

    /// A server without streaming lists that has one Service, one EndpointSlice and one Node.
    private static func healthy(_ request: APIRequest) -> ScriptedClient.Script {
        if request["sendInitialEvents"] != nil { return .answer(422, statusJSON(422)) }
        if request.isWatch { return .open("") }
        switch request.path {
        case services: return .answer(200, listJSON([serviceJSON("web", version: 5, kind: "")], version: 9))
        case slices:
            return .answer(200, listJSON([sliceJSON("web-1", version: 6)], version: 9, kind: "EndpointSliceList"))
        default: return .answer(200, listJSON([nodeJSON("n1", version: 7)], version: 9, kind: "NodeList"))
        }
    }

    private static func sliceJSON(_ name: String, version: Int) -> String {
        """
        {"metadata":{"name":"\(name)","namespace":"default","resourceVersion":"\(version)","labels":\
        {"kubernetes.io/service-name":"web"}},"addressType":"IPv4","endpoints":[{"addresses":["10.1.0.1"]}],"ports":[{"port":80}]}
        """
    }

    private static func nodeJSON(_ name: String, version: Int) -> String {
        #"{"metadata":{"name":"\#(name)","resourceVersion":"\#(version)"}}"#
    }

    private func names(_ update: SourceUpdate?) -> [String] {
        (update?.changes.objects.keys.map(\.description) ?? []).sorted()
    }

    /// All watches are open, and their silence is being waited for.
    private func isSettled(_ count: Int = 3) async -> Bool {
        await eventually { client.watches.count == count && clock.sleepers == count }
    }

    @Test("All kinds are told together, once all are known")
    func allTogether() async {
        client.script { $0.path == Self.slices ? .silence : Self.healthy($0) }
        let source = source()
        async let first = source.next()
        #expect(await eventually { client.watches.count == 2 && clock.sleepers == 3 })
        client.script(Self.healthy)
        // The one that gets no answer is asked again after a while.
        clock.advance(by: .seconds(150))
        #expect(await eventually { clock.sleepers == 3 })
        clock.advance(by: .seconds(2))
        let problems = await first
        #expect(problems?.hasSynced == false && problems?.changes.isEmpty == true)
        #expect(
            problems?.problems == [
                Problem(
                    .error, .source, subject: "API server",
                    "silent for 150.0 seconds; nothing is known yet, and it is asked again and again")
            ])
        let update = await source.next()
        #expect(names(update) == ["EndpointSlice default/web-1", "Node n1", "Service default/web"])
        #expect(update?.hasSynced == true && update?.isPartial == false)
        #expect(update?.problems == [])
    }

    @Test("kube-proxy's selectors are the server's work, and Pods are never asked for")
    func selectors() async {
        client.script(Self.healthy)
        _ = await source().next()
        let own = "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name"
        for request in client.requests {
            #expect([Self.services, Self.slices, Self.nodes].contains(request.path))
            #expect(request["labelSelector"] == (request.path == Self.nodes ? nil : own))
            #expect(request["fieldSelector"] == (request.path == Self.nodes ? "metadata.name=n1" : nil))
        }
    }

    @Test("A developer's namespaces are asked for, each by itself, and no Node")
    func development() async {
        client.script { request in
            request.path.hasSuffix("services")
                ? Self.healthy(request.isWatch ? request : APIRequest(.get, Self.services, query: request.query))
                : Self.healthy(request.isWatch ? request : APIRequest(.get, Self.slices, query: request.query))
        }
        let source = source(.services(namespaces: ["shop", "db", "shop"]))
        let update = await source.next()
        #expect(update?.hasSynced == true)
        #expect(
            client.requests.filter { !$0.isWatch }.map(\.path).sorted() == [
                "/api/v1/namespaces/db/services", "/api/v1/namespaces/shop/services",
                "/apis/discovery.k8s.io/v1/namespaces/db/endpointslices",
                "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
            ])
        #expect(client.requests.allSatisfy { $0["labelSelector"] == nil })
        #expect(await isSettled(4))
        let web = serviceJSON("web", version: 10).replacing("\"default\"", with: "\"db\"")
        client.push("/api/v1/namespaces/db/services", eventJSON("ADDED", web))
        #expect(names(await source.next()) == ["Service db/web"])
    }

    @Test("A change is told alone")
    func change() async {
        client.script(Self.healthy)
        let source = source()
        _ = await source.next()
        #expect(await isSettled())
        client.push(Self.services, eventJSON("ADDED", serviceJSON("db", version: 10)))
        #expect(names(await source.next()) == ["Service default/db"])
        client.push(Self.services, eventJSON("DELETED", serviceJSON("web", version: 11)))
        let update = await source.next()
        #expect(names(update) == ["Service default/web"])
        #expect(update?.changes.objects.values.contains { $0 != nil } == false)
    }

    @Test("An outage is told with its beginning, changes nothing, and is over when it is")
    func outage() async {
        client.script(Self.healthy)
        let source = source()
        _ = await source.next()
        #expect(await isSettled())
        client.script { _ in .failure(.unreachable("https://10.0.0.1:6443: connection refused")) }
        clock.advance(by: .seconds(100))
        client.cut()
        let update = await source.next()
        #expect(update?.changes.isEmpty == true && update?.hasSynced == true)
        #expect(
            update?.problems == [
                Problem(
                    .warning, .source, subject: "API server",
                    "https://10.0.0.1:6443: connection refused; since 2027-01-15T08:01:40Z all stays as it was then")
            ])
        let lists = client.requests.filter { !$0.isWatch }.count
        client.script(Self.healthy)
        #expect(await eventually { clock.sleepers == 3 })
        clock.advance(by: .seconds(4))
        var last = await source.next()
        while last?.problems.isEmpty == false { last = await source.next() }
        #expect(last?.changes.isEmpty == true)
        #expect(client.requests.filter { !$0.isWatch }.count == lists)
    }

    @Test("A connection that is dead without a word is noticed")
    func halfDead() async {
        client.script(Self.healthy)
        let source = source()
        _ = await source.next()
        #expect(await isSettled())
        for path in [Self.services, Self.slices, Self.nodes] { client.push(path, bookmarkJSON(30)) }
        #expect(await eventually { await source.isAt("30") })
        let count = client.requests.count
        clock.advance(by: .seconds(150))
        #expect(await eventually { clock.sleepers == 3 && client.watches.isEmpty })
        clock.advance(by: .seconds(2))
        #expect(await eventually { client.requests.count == count + 3 })
        #expect(client.requests.suffix(3).allSatisfy { $0["resourceVersion"] == "30" })
    }

    @Test("What has not been sent yet is waited for, however long a plug-in asks its user")
    func slowCredentials() async {
        client.script { _ in .unsent }
        let source = source()
        let update = Task { await source.next() }
        #expect(await eventually { client.requests.count == 3 })
        clock.advance(by: .seconds(239))
        #expect(clock.sleeps == 0 && client.requests.count == 3)
        update.cancel()
        #expect(await update.value == nil)
    }

    @Test("Without permission to read Nodes all else is served, and one line says what is missing")
    func noNodes() async {
        client.script { request in
            request.path == Self.nodes
                ? .answer(403, statusJSON(403, message: #"User \"jane\" cannot"#)) : Self.healthy(request)
        }
        let source = source()
        var update = await source.next()
        while update?.hasSynced == false { update = await source.next() }
        #expect(names(update) == ["EndpointSlice default/web-1", "Service default/web"])
        #expect(update?.problems.count == 1 && update?.isPartial == true)
        #expect(
            update?.problems.first?.description
                == "Nodes: may not list nodes (403); the ClusterRole system:node-proxier allows it: kubectl create "
                + "clusterrolebinding portico --clusterrole=system:node-proxier --user=jane; nothing is known yet, and it is "
                + "asked again and again")
    }

    @Test("Without permission to read EndpointSlices nobody is told of half a cluster")
    func noSlices() async {
        client.script { $0.path == Self.slices ? .answer(403, statusJSON(403)) : Self.healthy($0) }
        let source = source()
        let update = await source.next()
        #expect(update?.hasSynced == false && update?.changes.isEmpty == true)
        #expect(update?.problems.first?.subject == "EndpointSlices")
        // The permission is given.
        #expect(await eventually { clock.sleepers == 3 && client.watches.count == 2 })
        client.script(Self.healthy)
        clock.advance(by: .seconds(31))
        let next = await source.next()
        #expect(next?.hasSynced == true && next?.problems == [] && next?.changes.objects.count == 3)
    }

    @Test("Reading again tells what differs")
    func reread() async {
        client.script(Self.healthy)
        let source = source()
        _ = await source.next()
        #expect(await isSettled())
        client.script { request in
            request.path == Self.services && !request.isWatch
                ? .answer(
                    200,
                    listJSON(
                        [serviceJSON("web", version: 5, kind: ""), serviceJSON("db", version: 12, kind: "")],
                        version: 12))
                : Self.healthy(request)
        }
        await source.reread()
        #expect(names(await source.next()) == ["Service default/db"])
    }

    @Test("An object that cannot be read is a problem until it is gone")
    func malformed() async {
        client.script(Self.healthy)
        let source = source()
        _ = await source.next()
        #expect(await isSettled())
        client.push(Self.services, eventJSON("ADDED", serviceJSON("db", version: 10, port: "0")))
        let update = await source.next()
        #expect(update?.problems.map(\.subject) == ["Service default/db"] && update?.changes.isEmpty == true)
        client.push(Self.services, eventJSON("DELETED", serviceJSON("db", version: 11)))
        #expect(await source.next()?.problems == [])
    }

    @Test("A task that is cancelled ends the source, and all its requests")
    func cancelled() async {
        client.script(Self.healthy)
        let source = source()
        _ = await source.next()
        #expect(await isSettled())
        let waiting = Task { await source.next() }
        #expect(await eventually { await source.isAwaited })
        waiting.cancel()
        #expect(await waiting.value == nil)
        #expect(await eventually { client.watches.isEmpty && clock.sleepers == 0 })
        let count = client.requests.count
        clock.advance(by: .seconds(600))
        #expect(await source.next() == nil)
        #expect(client.requests.count == count && clock.sleepers == 0)
    }

    @Test("A client that ends requests by itself ends the source, which asks for nothing more")
    func clientIsShutDown() async {
        client.script(Self.healthy)
        let source = source()
        _ = await source.next()
        #expect(await isSettled())
        let count = client.requests.count
        client.cut(Self.services, .cancelled)
        #expect(await source.next() == nil)
        #expect(await eventually { client.watches.isEmpty && clock.sleepers == 0 })
        #expect(client.requests.count == count)
    }

    @Test("Two who wait for one source are a mistake of whoever wrote them")
    func twoReaders() async {
        await #expect(processExitsWith: .failure) {
            let source = APISource(ScriptedClient(ManualClock()) { _ in .silence }, .services())
            async let first = source.next()
            async let second = source.next()
            _ = await (first, second)
        }
    }

    @Test("Through 50 cuts of all connections it stays right, and lists nothing again")
    func cuts() async {
        let model = Locked(APIModel())
        client.script { request in
            guard request.path == Self.services else { return Self.healthy(request) }
            let answer = model.withLock { model in model.answer(request) }
            return answer.isOpen ? .open(answer.body) : .answer(answer.status, answer.body)
        }
        let source = source(.services())
        var known: [ObjectID: ClusterObject?] = [:]
        func take(_ update: SourceUpdate?) {
            known.merge(update?.changes.objects ?? [:]) { $1 }
        }
        take(await source.next())
        for round in 0..<50 {
            #expect(await isSettled(2))
            clock.advance(by: .seconds(31))
            model.withLock { $0.put("s\(round % 7)", port: 1 + round) }
            client.cut()
            take(await source.next())
        }
        let ports = known.compactMap { _, object -> UInt16? in
            guard case .service(let service)? = object else { return nil }
            return service.spec.ports.first?.port
        }
        #expect(ports.sorted() == (44...50).map { UInt16($0) })
        #expect(model.withLock { $0.lists } == 1)
        // Four to begin with, and then two for each cut.
        #expect(client.requests.count == 104)
    }

    @Test("All of a streaming server's objects are told together")
    func streaming() async {
        client.script { request in
            let (object, kind) =
                request.path == Self.services
                ? (serviceJSON("web", version: 5), "Service")
                : request.path == Self.slices
                    ? (Self.sliceJSON("web-1", version: 6), "EndpointSlice") : (Self.nodeJSON("n1", version: 7), "Node")
            _ = kind
            return .open(eventJSON("ADDED", object) + bookmarkJSON(9, endsList: true))
        }
        let update = await source().next()
        #expect(update?.changes.objects.count == 3)
        #expect(client.requests.count == 3)
    }
}

extension APISource {
    fileprivate func isAt(_ version: String) -> Bool { reflectors.allSatisfy { $0.version == version } }
}
