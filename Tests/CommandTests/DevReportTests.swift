import Balancing
import Base
import EventLoop
import Objects
import Relay
import Status
import TestSupport
import Testing

@testable import portico

@Suite("What portico dev prints") struct DevReportTests {
    private let board = StatusBoard()

    private func report(
        _ format: OutputFormat, on stream: StandardStream, connections: Bool = false, command: String? = nil,
        followed: String? = "Manifests"
    ) -> DevReport {
        DevReport(
            format: format, output: stream, followed: followed, reportsConnections: connections, command: command)
    }

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "default", name: name) }

    private func id(_ service: String, _ port: String = "http") -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "default", service: service, port: port), .tcp)
    }

    /// A port at `127.64.0.1:80`.
    private func port(
        _ service: String, _ name: String = "http", endpoints: Int = 1, at served: UInt16? = 80
    ) -> PortStatus {
        PortStatus(
            id: id(service, name),
            endpoints: (0..<endpoints).map {
                ServiceEndpoint(
                    address: EndpointAddress(ip: ip("10.0.0.\($0 + 1)"), port: 8080),
                    podName: $0 == 0 ? nil : "\(service)-\($0)")
            },
            doors: [
                DoorStatus(
                    wanted: EndpointAddress(ip: ip("127.64.0.1"), port: 80),
                    listening: served.map { EndpointAddress(ip: ip("127.64.0.1"), port: $0) }, problem: nil)
            ])
    }

    /// What is printed when these Services are served, nil for those that are not any more.
    private func changed(_ format: OutputFormat, _ services: [ObjectKey: ServedService?]) throws -> String {
        let change = board.update { $0.update(services: services) }
        return try said { report(format, on: $0).changed(change, board) }
    }

    // MARK: At the start

    @Test("A table has what is served where and by whom, in the order of the names")
    func table() throws {
        board.update {
            $0.update(services: [
                key("b"): ServedService(ports: [port("b", endpoints: 6, at: 8080)]),
                key("a"): ServedService(ports: [port("a"), port("a", "admin", endpoints: 0, at: nil)]),
                key("notes"): ServedService(notes: [Note("headless", isDetail: true)]),
            ])
        }
        let text = try said { stream in board.read { report(.text, on: stream).listening($0) } }
        #expect(
            text == """
                SERVICE          ADDRESS                   ENDPOINTS
                default/a:http   127.64.0.1:80             10.0.0.1:8080
                default/a:admin  (127.64.0.1:80 failed)    none
                default/b:http   127.64.0.1:8080 (for 80)  \
                10.0.0.1:8080, b-1 10.0.0.2:8080, b-2 10.0.0.3:8080, b-3 10.0.0.4:8080 and 2 more

                2 of 2 Services are served.

                Ready. Manifests are followed. Ctrl-C ends.

                """)
    }

    @Test("It says where names are answered, and what runs")
    func surroundings() throws {
        board.update {
            $0.names = "127.0.0.1:5353"
            $0.update(services: [key("a"): ServedService(ports: [port("a")])])
        }
        let text = try said { stream in
            board.read { report(.text, on: stream, command: "make", followed: nil).listening($0) }
        }
        #expect(text.hasSuffix("\nDNS on 127.0.0.1:5353, UDP and TCP.\n\nReady. Running make.\n"))
        let line = try said { stream in board.read { report(.json, on: stream).listening($0) } }
        #expect(
            line.hasSuffix(
                #""problems":[],"servedServices":1,"allServices":1,"dns":"127.0.0.1:5353"}"# + "\n"))
    }

    @Test("It says where the proxy is, whom it serves, and how to try it")
    func forwardProxy() throws {
        board.update {
            $0.forwardProxy = ForwardProxyStatus(
                addresses: ["127.0.0.1:1080", "[::1]:1080"], servesOnlyOwnUser: true, hasPassword: false)
            $0.update(services: [key("a"): ServedService(ports: [port("a")])])
        }
        let text = try said { stream in board.read { report(.text, on: stream, followed: nil).listening($0) } }
        #expect(
            text.contains("\nSOCKS5 and HTTP proxy on 127.0.0.1:1080 and [::1]:1080, for Services by their names:\n"))
        #expect(text.contains("\n  curl --proxy socks5h://127.0.0.1:1080 http://a.default"))
        #expect(text.contains("\nIt serves your own user only; --share lets the others of this machine in.\n"))
        let line = try said { stream in board.read { report(.json, on: stream).listening($0) } }
        #expect(line.hasSuffix(#""allServices":1,"proxy":["127.0.0.1:1080","[::1]:1080"]}"# + "\n"))
    }

    @Test("A program reads one object with all of that")
    func object() throws {
        let problem = Problem(.error, .listener, subject: "default/a:admin", "cannot listen")
        board.update {
            $0.update(services: [key("a"): ServedService(ports: [port("a", endpoints: 2)], problems: [problem])])
        }
        let text = try said { stream in board.read { report(.json, on: stream).listening($0) } }
        #expect(
            text == #"{"event":"listening","services":[{"service":"default/a:http","namespace":"default","name":"a","#
                + #""portName":"http","port":80,"protocol":"TCP","addresses":["127.64.0.1:80"],"endpoints":["#
                + #"{"address":"10.0.0.1:8080","pod":""},{"address":"10.0.0.2:8080","pod":"a-1"}]}],"#
                + #""problems":["default/a:admin: cannot listen"],"servedServices":1,"allServices":1}"# + "\n")
    }

    @Test("A port that nobody serves says why, and it is ready once something is")
    func absence() throws {
        var lone = port("a", endpoints: 0)
        lone.absence = "3 replicas of Deployment a would serve it: --local a=PORT, --demo-pods or a cluster"
        board.update { $0.update(services: [key("a"): ServedService(ports: [lone])]) }
        let text = try said { stream in board.read { report(.text, on: stream).listening($0) } }
        #expect(text.contains("127.64.0.1:80  none: 3 replicas of Deployment a would serve it: --local a=PORT, "))
        #expect(text.contains("\n0 of 1 Service is served.\n\nNot ready: nothing is served yet. Manifests"))
        let line = try said { stream in board.read { report(.json, on: stream).listening($0) } }
        #expect(line.contains(#""endpoints":[],"reason":"3 replicas of"#))
        #expect(line.contains(#""servedServices":0,"allServices":1"#))

        let others = ServedService(ports: [port("b", endpoints: 0)])
        let served = try changed(.text, [key("a"): ServedService(ports: [port("a")]), key("b"): others])
        #expect(served.hasSuffix("\n1 of 2 Services are served.\n\nReady.\n"))
        let gone = try changed(.text, [key("a"): ServedService(ports: [lone])])
        #expect(gone.hasSuffix("\n0 of 2 Services are served.\n"))
    }

    // MARK: Changes

    @Test("Only what is different is said")
    func difference() throws {
        _ = try changed(.text, [key("a"): ServedService(ports: [port("a"), port("a", "admin")])])
        let moved = try changed(
            .text, [key("a"): ServedService(ports: [port("a", endpoints: 2)]), key("b"): ServedService(ports: [])])
        #expect(
            moved == """

                Changed:
                SERVICE         ADDRESS        ENDPOINTS
                default/a:http  127.64.0.1:80  10.0.0.1:8080, a-1 10.0.0.2:8080

                Gone: default/a:admin

                """)
        #expect(try changed(.text, [key("a"): nil]) == "\nGone: default/a:http\n\nThere is no Service to serve.\n")
        #expect(try changed(.text, [:]).isEmpty)
    }

    @Test(
        "A program is told of a Service in place of what it was told before, and of those that are not served any more")
    func gone() throws {
        func names(_ list: String, in line: String) throws -> [String] {
            let rest = try #require(line.split(separator: "\"\(list)\":[", maxSplits: 1).dropFirst().first)
            return rest.prefix { $0 != "]" }.split(separator: ",").map(String.init)
        }
        let first = try changed(
            .json,
            [
                key("a"): ServedService(ports: [port("a")]), key("b"): ServedService(ports: [port("b")]),
                key("headless"): ServedService(notes: [Note("headless", isDetail: true)]),
            ])
        #expect(first.hasPrefix(#"{"event":"changed","services":[{"service":"default/a:http","#))
        #expect(try names("gone", in: first) == [])
        // One has gone, the other has become headless: neither has a port any more.
        let second = try changed(
            .json, [key("a"): nil, key("b"): ServedService(notes: [Note("headless", isDetail: true)])])
        #expect(try names("services", in: second) == [])
        #expect(try names("gone", in: second) == [#""default/a""#, #""default/b""#])
        let third = try changed(.json, [key("b"): nil])
        #expect(try names("gone", in: third) == [], "it was told of before")
    }

    @Test("What could not be told is counted")
    func missed() throws {
        #expect(try said { report(.text, on: $0).missed(7, board) } == "… 7 changes not told here\n")
        #expect(try said { report(.json, on: $0).missed(7, board) } == #"{"event":"dropped","dropped":7}"# + "\n")
    }

    // MARK: The end

    @Test("The summary has those that somebody used, and a total where there is something to add up")
    func summary() throws {
        var used = PortCounters()
        used.accepted = 3
        used.bytesUp = 2048
        used.bytesDown = 5
        used.refused = 1
        used.broken = 1
        var snapshot = RelaySnapshot()
        snapshot.ports = [id("a"): used]
        let one = """

            SERVICE         CONNECTIONS   TO PODS  TO CLIENTS  FAILURES
            default/a:http            3  2.00 KiB         5 B         2

            """
        #expect(try said { report(.text, on: $0).summary(snapshot) } == one)
        snapshot.ports[id("b")] = PortCounters()
        let text = try said { report(.text, on: $0).summary(snapshot) }
        #expect(text == one + "total                     3  2.00 KiB         5 B         2\n")
        let line = try said { report(.json, on: $0).summary(snapshot) }
        #expect(line.hasPrefix(#"{"event":"summary","connections":3,"bytesUp":2048,"bytesDown":5,"failures":2,"#))
        #expect(line.contains(#""services":[{"service":"default/a:http","connections":3,"#))
        #expect(line.contains(#"{"service":"default/b:http","connections":0,"#))
    }
}
