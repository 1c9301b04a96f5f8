public import Base

/// A `v1` Pod, as far as it decides about being an endpoint. Used only where a Service has neither EndpointSlices nor
/// an Endpoints object, as with manifests for development.
public struct Pod: Codable, Hashable, Sendable {
    public var metadata: ObjectMeta
    public var spec: PodSpec
    public var status: PodStatus

    public init(metadata: ObjectMeta, spec: PodSpec = PodSpec(), status: PodStatus = PodStatus()) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    private enum CodingKeys: String, CodingKey { case metadata, spec, status }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        spec = try container.decodeIfPresent(PodSpec.self, forKey: .spec) ?? PodSpec()
        status = try container.decodeIfPresent(PodStatus.self, forKey: .status) ?? PodStatus()
    }

    /// Whether it is being deleted.
    public var isTerminating: Bool { metadata.deletionTimestamp != nil }

    /// Whether it has ended for good; such a pod is no endpoint at all.
    public var isFinished: Bool { status.phase == .succeeded || status.phase == .failed }

    /// Whether it answers, by its Ready condition.
    ///
    /// A pod without conditions counts as ready if its phase is Running or absent: kubelets always write conditions, so
    /// this one was written by hand, and whoever gave it an address wants it used.
    public var isReady: Bool {
        if let ready = status.ready { return ready }
        return !status.hasConditions && (status.phase == nil || status.phase == .running)
    }
}

/// Where a pod runs, what it wants to be called, and its containers, reduced to their ports.
public struct PodSpec: Codable, Hashable, Sendable {
    public var nodeName: String?
    /// Its name below that of the headless Service in `subdomain`.
    public var hostname: String?
    public var subdomain: String?
    public var containers: [Container]
    /// Of these only sidecars (`restartPolicy: Always`) keep running and so can have ports that count.
    public var initContainers: [Container]

    public init(
        nodeName: String? = nil, hostname: String? = nil, subdomain: String? = nil, containers: [Container] = [],
        initContainers: [Container] = []
    ) {
        self.nodeName = nodeName
        self.hostname = hostname
        self.subdomain = subdomain
        self.containers = containers
        self.initContainers = initContainers
    }

    private enum CodingKeys: String, CodingKey { case nodeName, hostname, subdomain, containers, initContainers }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        nodeName = try container.text(.nodeName)
        hostname = try container.name(.hostname, .label)
        subdomain = try container.name(.subdomain, .label)
        containers = try container.list(.containers, of: Container.self)
        initContainers = try container.list(.initContainers, of: Container.self)
    }

    /// The number of the container port with this name and protocol, sidecars last.
    public func containerPort(named name: String, transport: TransportProtocol) -> UInt16? {
        for container in containers + initContainers.filter(\.isSidecar) {
            for port in container.ports where port.name == name && port.transport == transport {
                return port.containerPort
            }
        }
        return nil
    }

    public struct Container: Codable, Hashable, Sendable {
        public var restartPolicy: String?
        public var ports: [Port]

        public var isSidecar: Bool { restartPolicy == "Always" }

        public init(ports: [Port] = [], restartPolicy: String? = nil) {
            self.ports = ports
            self.restartPolicy = restartPolicy
        }

        private enum CodingKeys: String, CodingKey { case restartPolicy, ports }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            restartPolicy = try container.text(.restartPolicy)
            ports = try container.list(.ports, of: Port.self)
        }
    }

    public struct Port: Codable, Hashable, Sendable {
        public var name: String?
        public var containerPort: UInt16
        public var transport: TransportProtocol

        public init(name: String? = nil, containerPort: UInt16, transport: TransportProtocol = .tcp) {
            self.name = name
            self.containerPort = containerPort
            self.transport = transport
        }

        private enum CodingKeys: String, CodingKey {
            case name, containerPort
            case transport = "protocol"
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.text(.name)
            containerPort = try container.requiredPort(.containerPort)
            transport = try container.choice(.transport, of: TransportProtocol.self) ?? .tcp
        }
    }
}
