import Balancing
import Base
import Objects
import Relay
import Status
import TestSupport
import Testing

@testable import Admin

/// A process that can be asked, with a relay that serves `shop/web`.
struct AskedProcess {
    let board = StatusBoard()
    let relay: Relay
    let id = ServicePortID(ServicePortName(namespace: "shop", service: "web", port: "http"), .tcp)
    var subject: AdminSubject
    let verbosity = Locked(0)

    init(services: MetricServices = .used) throws {
        relay = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 512)))
        subject = AdminSubject(command: "portico daemon", version: "1.2.3", board: board)
        subject.node = "node2"
        subject.services = services
        subject.sync = SyncMeter()
        subject.configuration = { "{}" }
        subject.seat.relay = relay
        subject.seat.probes = { $0 == .healthz ? [200: 5, 503: 1] : [:] }
        subject.verbosity = .init(
            read: { [verbosity] in verbosity.withLock { $0 } },
            write: { [verbosity] level in verbosity.withLock { $0 = level } })
    }

    var pages: AdminPages { AdminPages(subject) }

    func answer(
        _ target: String, _ access: AdminAccess = .owner, method: String = "GET", host: String? = "localhost",
        origin: String? = nil, body: String = ""
    ) async -> AdminAnswer {
        var request = AdminRequest(method: method, target: target)
        (request.host, request.origin, request.body) = (host, origin, Array(body.utf8))
        return await pages.answer(request, access)
    }

    func text(_ target: String) async -> String { String(decoding: await answer(target).body, as: UTF8.self) }

    /// Serves the port by these, and tells the board.
    func serve(_ ports: [UInt16], through count: Int = 0) async throws -> EndpointAddress {
        let endpoints = ports.map { ServiceEndpoint(address: .local($0), podName: "web-\($0)") }
        await relay.serve(id, with: Balancer(of: endpoints))
        let door = try await relay.open(id, on: .local(0)).address
        board.update { status in
            var port = PortStatus(id: id, endpoints: endpoints)
            port.doors = [DoorStatus(wanted: door, listening: door, problem: nil)]
            var service = ServedService(
                ports: [port], problems: [Problem(.error, .object, subject: "Service shop/web", "\"x\" <b>")])
            service.portals = [PortalStatus(owner: id, kind: .clusterIP, address: .local(80))]
            status.update(services: [ObjectKey(namespace: "shop", name: "web"): service])
            status.enter(.serving)
        }
        return door
    }
}

extension EndpointAddress {
    fileprivate static func local(_ port: UInt16) -> EndpointAddress {
        EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: port)
    }
}

@Suite("What is shown of a process, and to whom", .timeLimit(.minutes(2))) struct AdminPagesTests {
    @Test(
        "Other machines see metrics, health and the mode; programs of this one all; only the socket's owner changes anything"
    )
    func access() async throws {
        let process = try AskedProcess()
        let all = ["/metrics", "/healthz", "/livez", "/proxyMode"]
        let local = ["/", "/status", "/events", "/debug/connections", "/configz", "/log-level"]
        for path in all + local {
            #expect(await process.answer(path, .owner, host: nil).status == 200, "\(path)")
            #expect(await process.answer(path, method: "HEAD").status == 200, "\(path)")
            #expect(await process.answer(path, .machine).status == 200, "\(path)")
            #expect(await process.answer(path, .everybody).status == (all.contains(path) ? 200 : 404), "\(path)")
        }
        #expect(await process.text("/proxyMode") == "userspace")
        #expect(await process.answer("/log-level", .machine, method: "PUT", body: "4").status == 403)
        #expect(await process.answer("/log-level", .everybody, method: "PUT", body: "4").status == 404)
        for nonsense in ["", "x", "11", "-1"] {
            #expect(await process.answer("/log-level", method: "PUT", body: nonsense).status == 400, "\(nonsense)")
        }
        #expect(await process.answer("/log-level", method: "PUT", body: "4\n").status == 200)
        #expect(await process.text("/log-level") == "4\n")
        #expect(await process.answer("/debug/flags/v", method: "PUT", body: "2").status == 200)
        #expect(process.verbosity.withLock { $0 } == 2)
        #expect(await process.answer("/status", method: "POST").status == 405)
        #expect(await process.answer("/nothing").status == 404)
        await process.relay.stop()
    }

    @Test("Pages of others, and of names that were made to lead here, see nothing")
    func pages() async throws {
        let process = try AskedProcess()
        for host in ["localhost", "LOCALHOST:10249", "127.0.0.1", "127.0.0.5:1", "[::1]", "[::1]:10249"] {
            #expect(await process.answer("/status", .machine, host: host).status == 200, "\(host)")
            #expect(await process.answer("/status", .machine, host: host, origin: "http://\(host)").status == 200)
        }
        for host in [
            nil, "evil.example", "localhost.evil.example", "10.0.0.1", "", "127.0.0.1.evil.example",
            "[::1].evil.example", "[::1]@evil.example", "localhost:evil.example",
        ] {
            #expect(await process.answer("/status", .machine, host: host).status == 403, "\(host ?? "none")")
        }
        for origin in [
            "http://evil.example", "null", "file://", "https://localhost.evil.example", "http://[::1].evil.example",
        ] {
            #expect(await process.answer("/status", .machine, origin: origin).status == 403, "\(origin)")
        }
        let page = await process.answer("/", .machine)
        #expect(page.contentType == "text/html; charset=utf-8")
        #expect(
            page.contentPolicy?.hasPrefix("default-src 'none'") == true && page.contentPolicy?.contains("http") == false
        )
        await process.relay.stop()
    }

    @Test("Before there is a relay, what there is can be asked for all the same")
    func early() async throws {
        let process = try AskedProcess()
        process.subject.seat.relay = nil
        #expect(await process.text("/metrics").contains("portico_phase{phase=\"starting\"} 1\n"))
        #expect(await process.text("/status").contains("\"phase\":\"starting\""))
        #expect(await process.text("/debug/connections") == "{\"open\":0,\"connections\":[]}\n")
        await process.relay.stop()
    }

    @Test("Metrics of what the relay has done, of all and of each service port that was used")
    func metrics() async throws {
        let process = try AskedProcess()
        let server = try ScriptedServer.echo()
        let door = try await process.serve([server.port])
        let unused = ServicePortID(ServicePortName(namespace: "shop", service: "idle"), .udp)
        await process.relay.serve(unused, with: Balancer(of: []))
        #expect(!(await process.text("/metrics")).contains("portico_service_accepted_total"), "nobody has come yet")
        for _ in 0..<3 {
            _ = try await ScriptedPeer.connect(
                to: door.port, script: [.send("hello"), .expect("hello"), .shutdownWrite, .receiveAll]
            )
            .finished()
        }
        #expect(await eventually { process.relay.total.endings[.completed] == 3 })
        let labels =
            "{namespace=\"shop\",service=\"web\",port=\"http\",ip_family=\"IPv4\",traffic_policy=\"cluster\",protocol=\"TCP\""
        let text = await process.text("/metrics")
        for line in [
            "portico_build_info{version=\"1.2.3\",mode=\"userspace\"} 1", "portico_accepted_total 3",
            "portico_connections 0",
            "portico_connections_ended_total{outcome=\"completed\"} 3", "portico_dials_total{result=\"connected\"} 3",
            "portico_connect_duration_seconds_count 3", "portico_connection_duration_seconds_count 3",
            "portico_bytes_total{direction=\"up\"} 15", "portico_relayed_bytes_total{way=\"copied\"} 30",
            "portico_service_ports 2", "portico_services_served 1", "portico_problems{severity=\"error\"} 1",
            "portico_problems{severity=\"warning\"} 0",
            "portico_phase{phase=\"serving\"} 1",
            "kubeproxy_proxy_healthz_total{code=\"200\"} 5", "kubeproxy_proxy_healthz_total{code=\"503\"} 1",
            "portico_service_accepted_total\(labels)} 3", "portico_service_bytes_total\(labels),direction=\"up\"} 15",
            "portico_service_bytes_total\(labels),direction=\"down\"} 15", "portico_service_endpoints\(labels)} 1",
            "portico_service_endpoints_ejected\(labels)} 0",
        ] { #expect(text.contains("\n\(line)\n") || text.hasPrefix(line), "\(line)") }
        #expect(!text.contains("service=\"idle\"") && text.contains("\nprocess_open_fds "))
        let names = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
        #expect(Set(names).count == names.count, "each family once")
        await process.relay.stop()
    }

    @Test("Which service ports have metrics of their own is a matter of choice")
    func choice() async throws {
        for (services, isThere) in [
            (MetricServices.all, true), (.none, false), (.used, false), (.named(["shop/web"]), true),
            (.named(["shop/other"]), false),
        ] {
            let process = try AskedProcess(services: services)
            _ = try await process.serve([1])
            #expect((await process.text("/metrics")).contains("portico_service_connections{") == isThere, "\(services)")
            await process.relay.stop()
        }
    }

    @Test("What comes, goes and comes again between two scrapes is in the next one as it is then, in order")
    func comingAndGoing() async throws {
        let process = try AskedProcess(services: .all)
        func id(_ name: String) -> ServicePortID {
            ServicePortID(ServicePortName(namespace: "shop", service: name), .tcp)
        }
        func names() async -> [Substring] {
            (await process.text("/metrics")).split(separator: "\n").filter {
                $0.hasPrefix("portico_service_connections{")
            }.compactMap { $0.split(separator: "\"").dropFirst(3).first }
        }
        let (relay, endpoint) = (process.relay, ServiceEndpoint(address: .local(1)))
        #expect(await names() == [])
        for name in ["b", "c"] { await relay.serve(id(name), with: Balancer(of: [])) }
        #expect(await names() == ["b", "c"])
        #expect(await names() == ["b", "c"])
        await relay.remove(id("b"))
        await relay.serve(id("a"), with: Balancer(of: []))
        #expect(await names() == ["a", "c"], "as many as before, and others")
        await relay.serve(id("bb"), with: Balancer(of: []))
        #expect(await names() == ["a", "bb", "c"], "one more beside those that were there")
        await relay.remove(id("a"))
        #expect(await names() == ["bb", "c"])
        await relay.serve(id("c"), with: Balancer(of: [endpoint]))
        #expect(
            (await process.text("/metrics")).contains(
                "portico_service_endpoints{namespace=\"shop\",service=\"c\",port=\"\",ip_family=\"IPv4\",traffic_policy=\"cluster\",protocol=\"TCP\"} 1\n"
            ))
        await relay.stop()
    }

    @Test("The status has all that is served, and a Service alone if that is asked for")
    func status() async throws {
        let process = try AskedProcess()
        let server = try ScriptedServer.echo()
        _ = try await process.serve([server.port, 1])
        let text = await process.text("/status?service=shop%2Fweb")
        for part in [
            "\"schema\":1", "\"node\":\"node2\"", "\"phase\":\"serving\"", "\"problemCount\":1", "\"errorCount\":1",
            "\"service\":\"shop/web:http\"", "{\"kind\":\"cluster IP\",\"address\":\"127.0.0.1:80\"}",
            "\"pod\":\"web-\(server.port)\"", "\"state\":\"ready\"", #""text":"\"x\" <b>""#,
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(await process.text("/status?service=shop/other").contains("\"services\":[]"))
        await process.relay.stop()
    }

    @Test("Connections that are open, of all and of one Service")
    func connections() async throws {
        let process = try AskedProcess()
        let server = try ScriptedServer.echo()
        let door = try await process.serve([server.port])
        let end = Cue()
        let client = try ScriptedPeer.connect(
            to: door.port, script: [.send("hello"), .expect("hello"), .wait(end), .shutdownWrite, .receiveAll])
        #expect(await eventually { process.relay.counters(of: process.id)?.bytesDown == 5 })
        for target in [
            "/debug/connections", "/debug/connections?service=shop/web&limit=5",
            "/debug/connections?service=shop/web:http",
        ] {
            let text = await process.text(target)
            #expect(
                text.contains("\"open\":1") && text.contains("\"bytesDown\":5") && text.contains("\"stage\":\"open\""),
                "\(text)")
        }
        #expect(await process.text("/debug/connections?service=shop/other").contains("\"connections\":[]"))
        end.give()
        _ = try await client.finished()
        await process.relay.stop()
    }
}

@Suite("Recent events") struct RecentEventsTests {
    @Test("More of the same is one, the newest are kept, and a reader gets those that are new to it")
    func events() {
        let clock = FakeClock()
        let events = RecentEvents(clock: clock.clock)
        for _ in 0..<3 { events.add("dial failed", service: "shop/web", endpoint: "a", "refused") }
        events.add("dial failed", service: "shop/web", endpoint: "b", "refused")
        var text = events.report(after: 0).text
        #expect(text.contains("\"count\":3") && text.contains("\"last\":4"))
        #expect(events.report(after: 4).text == "{\"last\":4,\"events\":[]}")
        clock.advance(by: .seconds(10))
        events.add("dial failed", service: "shop/web", endpoint: "a", "refused")
        text = events.report(after: 4).text
        #expect(text.contains("\"count\":1") && !text.contains("\"b\""))
        for number in 0..<5000 { events.add("x", "\(number)") }
        text = events.report(after: 0).text
        #expect(text.contains("\"4999\"") && !text.contains("\"1000\""))
    }

    @Test("A change of many Services at once is one event")
    func manyAtOnce() {
        let board = StatusBoard()
        let events = RecentEvents()
        let change = board.update { status in
            for number in 0..<100 {
                status.update(services: [ObjectKey(namespace: "a", name: "\(number)"): ServedService()])
            }
        }
        events.take(change)
        #expect(events.report(after: 0).text.contains("100 Services at once"))
    }
}
