import Measure

/// `portico dev` with many Services besides the one that is measured, and whoever watches it.
struct WatchedPortico: Peer {
    enum Watcher: String, CaseIterable {
        case nobody, metrics, accessLog
    }

    let binary: String
    let watcher: Watcher
    /// Besides the one that is measured.
    let services: Int
    /// Where metrics are served, if they are asked for.
    let adminPort: UInt16

    var name: String {
        switch watcher {
        case .nobody: Results.portico
        case .metrics: Results.scraped
        case .accessLog: Results.logged
        }
    }
    var title: String {
        switch watcher {
        case .nobody: "nobody"
        case .metrics: "a scrape a second"
        case .accessLog: "access log"
        }
    }

    var version: String { versionNumber(in: capture([binary, "--version"], in: "/tmp")) }

    func supports(_ transport: Scenario.Transport) -> Bool { transport == .tcp }

    func command(_ route: Route) throws -> [String] {
        let manifest = "\(route.folder)/services.json"
        if contents(of: manifest) == nil { try write(cluster, to: manifest) }
        let port = route.listen[0]
        let watch: [String] =
            switch watcher {
            case .nobody: []
            case .metrics: ["--admin", "127.0.0.1:\(adminPort)"]
            case .accessLog: ["--access-log", "\(route.folder)/access.log"]
            }
        return [
            binary, "dev", "-f", manifest, "--service", "bench:\(port)=127.0.0.1:\(route.backend)", "--publish",
            "bench:\(port)=127.0.0.1:\(port)", "--output", "json",
        ] + watch
    }

    func companion(in folder: String) throws -> Child? {
        guard watcher == .metrics else { return nil }
        return try Child(
            try Role.scraper.arguments(ScraperSpec(port: adminPort, seconds: 1)), log: "\(folder)/scraper.log",
            talk: true)
    }

    /// Services that nobody uses, each with one port and one endpoint.
    private var cluster: String {
        let objects = (0..<services).map { number in
            #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"service-\#(number)","namespace":"watched"},"#
                + #""spec":{"ports":[{"name":"http","port":80}]}},"#
                + #"{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"service-\#(number)","#
                + #""namespace":"watched","labels":{"kubernetes.io/service-name":"service-\#(number)"}},"#
                + #""addressType":"IPv4","ports":[{"name":"http","port":8080}],"#
                + #""endpoints":[{"addresses":["10.\#(number / 62_500).\#(number / 250 % 250).\#(number % 250 + 1)"]}]}"#
        }
        return #"{"apiVersion":"v1","kind":"List","items":["# + objects.joined(separator: ",\n") + "]}\n"
    }
}
