import ArgumentParser
import Balancing
import Base
import Cluster
import DemoPods
import EventLoop
import Glibc
import Logging
import Manifests
import Names
import Objects
import Relay
import Resolution
import Status

/// `portico demo-pod`: plays one pod, as a program of its own.
struct DemoPod: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-pod",
        abstract: "Play a pod: a small server that answers with its name, for trying things out.",
        usage: "portico demo-pod <name> [<options>]",
        discussion: """
            On each port, of all addresses, HTTP requests and datagrams are answered with the pod's name. GET /client \
            answers with the client's address as the pod sees it, POST /echo with what was sent.

            EXAMPLES
              A pod on port 80, in a network namespace that stands for it:
                ip netns exec nginx1 portico demo-pod nginx1 --port 80

              The DNS server of a cluster, for the Services of manifests:
                portico demo-pod coredns --dns 10.244.0.3:53 -f manifests/
            """
    )

    @Argument(help: "The name to answer with.") var name: String

    @Option(help: "A port to answer on, HTTP and UDP; repeatable.") var port: [UInt16] = []

    @Option(
        help: ArgumentHelp(
            "Answer DNS queries for the Services of the manifests here, over UDP and TCP.", valueName: "[addr:]port"),
        transform: { try DNSArgument($0) })
    var dns: DNSArgument?

    @OptionGroup var manifests: ManifestOptions

    @Option(help: "Print for people or for programs (one JSON object a line).")
    var output: OutputFormat = .text

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    func validate() throws {
        guard !port.isEmpty || dns != nil else { throw ValidationError("nothing to answer: name a --port, or --dns") }
    }

    func run() async throws {
        logging.bootstrap()
        Serving.begin(output: output, log: logging.format)
        let signals = try SignalStream([SIGINT, SIGTERM])
        let pods = try DemoPods()
        for port in port {
            try pods.serve(podName: name, at: SocketAddress(v4: 0, port: port))
            // A machine without IPv6 has no such address, and needs none.
            try? pods.serve(podName: name, at: SocketAddress(v6High: 0, low: 0, port: port))
        }
        let server = try await startDNS()
        switch output {
        case .json: StandardStream.output.write(JSONLine([("event", "listening"), ("pod", .string(name))]))
        case .text: StandardStream.output.write("\(name) answers. Ctrl-C ends it.\n")
        }
        for await _ in signals.signals { break }
        server?.stop()
        pods.shutdown()
        signals.close()
    }

    private func startDNS() async throws -> DNSServer? {
        guard let dns else { return nil }
        let teller = StatusTeller(logger: Logger(label: "demo-pod"))
        let services = NamedService.ofCluster(try await SourceReader(manifests.inputs, teller).first().changes)
        let address = SocketAddress(dns.address)
        return try DNSServer(on: address, NameTable(services, domain: DNSName("cluster.local") ?? .root))
    }
}

extension NamedService {
    /// The Services of a cluster at their cluster IPs; headless ones are left out.
    static func ofCluster(_ objects: ObjectChanges) -> [NamedService] {
        var resolver = Resolver()
        _ = resolver.apply(objects)
        return resolver.services.sorted { $0.key < $1.key }.compactMap { key, service in
            guard let first = service.ports.first else { return nil }
            return NamedService(
                namespace: key.namespace, name: key.name,
                form: .doors(
                    first.clusterIPs,
                    service.ports.map { Door(name: $0.name.port, transport: $0.transport, port: $0.port) }))
        }
    }
}
