import Glibc
import TestSupport
import Testing

/// `portico dev` with pods that a test ends and begins, and a page that shows it.
final class DashboardLab {
    let browser: Browser
    private let folder: TemporaryDirectory
    private let admin: UInt16
    private let doors: [String: UInt16]
    private var program: DevProcess
    private var pods: [String: ScriptedServer] = [:]

    var address: String { "http://127.0.0.1:\(admin)/" }

    /// What runs if nobody looks after names: it would leave a mark, and something to see.
    static let trap = "<img src=x onerror=window.isTrapped=true>"

    /// Runs `body` with Services `shop/api` of one pod, `shop/web` of two, and `shop/odd`, which has a note and no pods; their ports are
    /// called http. At its end the browser must have had nothing to complain of, but for what has `expected` in it.
    static func run(
        manifests: String = "", expecting expected: String? = nil,
        _ body: (DashboardLab, Browser) async throws -> Void
    ) async throws {
        let browser = try #require(BrowserTrait.current)
        let lab = try await DashboardLab(browser, manifests)
        try await browser.resize(width: 1600)
        try await browser.prefer("light")
        _ = try await browser.complaints()
        try await browser.open(lab.address)
        try await browser.waitFor("document.querySelectorAll('#rows .row').length >= 3")
        try await body(lab, browser)
        let complaints = try await browser.complaints().filter { complaint in
            !(expected.map(complaint.contains) ?? false)
        }
        #expect(complaints.isEmpty)
        // Nobody asks a program that is gone while the next test begins.
        try await browser.open("about:blank")
        _ = try await lab.program.end()
    }

    private init(_ browser: Browser, _ manifests: String) async throws {
        folder = try TemporaryDirectory()
        admin = try freePort()
        doors = ["api": try freePort(), "web": try freePort()]
        var text = manifests
        for (service, names) in [("api", ["api-1"]), ("web", ["web-1", "web-2"]), ("odd", [])] {
            let annotations = service == "odd" ? "annotations: {portico.dev/balancing: '\(Self.trap)'}, " : ""
            text += """

                ---
                apiVersion: v1
                kind: Service
                metadata: {\(annotations)name: \(service), namespace: shop}
                spec: {ports: [{name: http, port: 8080}]}
                """
            for name in names {
                // Nobody connects from there: while it is away its port is nobody else's.
                let pod = try ScriptedServer.echo(on: "127.77.0.\(pods.count + 1)")
                pods[name] = pod
                text += """

                    ---
                    apiVersion: discovery.k8s.io/v1
                    kind: EndpointSlice
                    metadata: {name: \(name), namespace: shop, labels: {kubernetes.io/service-name: \(service)}}
                    addressType: IPv4
                    ports: [{name: http, port: \(pod.port)}]
                    endpoints: [{addresses: [\(pod.host)], targetRef: {kind: Pod, name: \(name)}}]
                    """
            }
        }
        try folder.write(text, to: "shop.yaml")
        self.browser = browser
        program = try Self.started(folder, admin, doors)
        try await program.waitFor("Ready.")
    }

    private static func started(
        _ folder: TemporaryDirectory, _ admin: UInt16, _ doors: [String: UInt16]
    ) throws -> DevProcess {
        let published = doors.flatMap { ["--publish", "shop/\($0.key):http=\($0.value)"] }
        return try DevProcess(
            ["-f", folder.path, "--admin", "127.0.0.1:\(admin)", "--drain-timeout", "100ms"] + published)
    }

    // MARK: What happens

    func end() async throws { _ = try await program.end() }

    func begin() async throws {
        program = try Self.started(folder, admin, doors)
        try await program.waitFor("Ready.")
    }

    func kill(pod name: String) async throws { try await #require(pods[name]).stop() }

    func revive(pod name: String) throws {
        let pod = try #require(pods[name])
        pods[name] = try ScriptedServer(on: pod.host, port: pod.port, script: [.echo])
    }

    /// A client that says something, hears it again, and stays.
    func client(of service: String) async throws -> ScriptedPeer {
        let peer = try ScriptedPeer.connect(
            to: try #require(doors[service]), script: [.send("hello"), .expect("hello"), .neverRead])
        #expect(await eventually { peer.progress.received.count == 5 })
        return peer
    }

    /// Clients come and go while `body` runs.
    func withClients(of service: String, _ body: () async throws -> Void) async throws {
        let door = try #require(doors[service])
        let clients = Task {
            while !Task.isCancelled {
                let script: [PeerStep] = [.send("hello"), .shutdownWrite, .receiveAll]
                _ = try? await ScriptedPeer.connect(to: door, script: script).finished()
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        defer { clients.cancel() }
        try await body()
    }

    // MARK: What the page shows

    struct Row: Decodable, Equatable {
        let service: String
        let state: String
        let usable: String
        let open: String
        let fresh: String
        let bytes: String
        let why: String
    }

    /// The rows in the list of service ports, from the top.
    func rows() async throws -> [Row] {
        try await browser.value(
            """
            [...document.querySelectorAll('#rows .row')].map(row => {
                const text = name => row.querySelector('.c-' + name).textContent;
                return { service: row.querySelector('.c-svc a').textContent, state: text('state'), usable: text('ep'),
                    open: text('open'), fresh: text('new'), bytes: text('bytes'), why: text('why') };
            })
            """)
    }

    /// Waits until the row of this Service is so.
    func waitFor(
        _ service: String, sourceLocation: SourceLocation = #_sourceLocation, _ isSo: (Row) -> Bool
    ) async throws {
        var last: [Row] = []
        let found = try await eventually(within: .seconds(30), every: .milliseconds(50)) {
            last = try await rows()
            return last.contains { $0.service == "shop/\(service):http" && isSo($0) }
        }
        try #require(found, "\(last)", sourceLocation: sourceLocation)
    }
}
