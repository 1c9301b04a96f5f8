import Balancing
import Base
import EventLoop
import ForwardProxy
import Logging
import Objects
import Proxy
import Relay
import Resolution
import Status

/// The proxy of `--socks`: it does the handshakes, the directory says where they lead, and the relay carries what comes
/// of them. It is told of every change, by Service.
actor DevForwardProxy {
    private let settings: ForwardProxyServer.Settings
    /// It leads to other hosts, too.
    private let isOpen: Bool
    private let directory: Directory
    private let logger: Logger
    private var server: ForwardProxyServer?

    /// Looked at on the server's thread.
    typealias Directory = Guarded<ServiceDirectory>

    init(_ settings: ForwardProxyServer.Settings, isOpen: Bool, domain: String, namespace: String, _ logger: Logger) {
        self.settings = settings
        self.isOpen = isOpen
        directory = Guarded(ServiceDirectory(domain: domain, namespace: namespace))
        self.logger = logger
    }

    /// Knows these Services as they are served now.
    func update(_ changed: [ServedName], _ standIn: (ServiceEndpoint) -> EndpointAddress?) {
        let entries = changed.map { ($0.key, ServiceDirectory.Entry($0, standIn)) }
        directory.withLock { directory in
            for (key, entry) in entries { directory.update(key, entry) }
        }
    }

    /// Takes clients from now on, for `relay` to carry.
    ///
    /// - Returns: where.
    func start(_ relay: Relay) throws -> ForwardProxyStatus {
        var settings = settings
        // A part of what the relay leaves to everybody else.
        settings.mostHandshakes = max(2, relay.budget.control / 4)
        let guide = ForwardGuide(directory, relay, isOpen: isOpen)
        let narrator = Guarded(ForwardProxyNarrator(logger))
        do throws(SystemError) {
            let server = try ForwardProxyServer(settings) { target, answer in
                guide.decide(target, answer)
            } carry: { client, port in
                let (peer, request, greeting) = (client.peer, client.request, client.greeting)
                relay.adopt(client.take(), from: peer, for: port, after: Opening(request: request, greeting: greeting))
            } report: { event in
                narrator.withLock { $0.tell(event) }
            }
            self.server = server
            return ForwardProxyStatus(
                addresses: server.addresses.map { "\($0)" }, servesOnlyOwnUser: settings.peers != nil,
                hasPassword: settings.password != nil)
        } catch {
            let advice =
                error.isPermissionDenied ? "; ports below 1024 need privileges, choose another such as 1080" : ""
            throw CommandFailure("--socks: \(error)\(advice)")
        }
    }

    /// Takes no more clients; those that the relay has stay with it.
    func stop() {
        server?.stop()
        server = nil
    }
}

extension ServiceDirectory.Entry {
    /// A Service as it is served, or as its pods are known if it is headless, or as another name; nil if it is gone.
    init?(_ name: ServedName, _ standIn: (ServiceEndpoint) -> EndpointAddress?) {
        guard name.status != nil || name.service != nil else { return nil }
        self.init()
        let options = name.resolved?.ports ?? []
        for port in name.status?.ports ?? [] {
            // The first door is the Service's own.
            guard let own = port.doors.first?.wanted else { continue }
            if !addresses.contains(own.ip) { addresses.append(own.ip) }
            // Clients of some Services wait for an endpoint.
            let waits = options.contains { $0.name == port.id.name && $0.options.holdSeconds > 0 }
            let isServed = !port.endpoints.isEmpty || port.local?.isServing == true || waits
            ports.append(
                ServiceDirectory.Port(
                    id: port.id, number: own.port, servedNumber: port.doors.first?.listening?.port,
                    absence: isServed ? nil : port.absence ?? "it has no endpoint"))
        }
        for case .address(let ip) in name.service?.spec.clusterIPs ?? [] where !addresses.contains(ip) {
            addresses.append(ip)
        }
        if ports.isEmpty, name.service?.spec.type == .externalName { alias = name.service?.spec.externalName }
        guard ports.isEmpty else { return }
        for port in name.resolved?.headless ?? [] where port.transport == .tcp {
            for endpoint in port.endpoints {
                pods.append(
                    ServiceDirectory.Pod(
                        name: endpoint.nameBelowService, address: endpoint.address, podName: endpoint.podName,
                        standIn: standIn(endpoint)))
            }
        }
    }
}
