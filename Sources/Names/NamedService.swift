public import Base

/// A Service as its clients know it: a name, and what the name stands for. Variables and DNS are made from these.
public struct NamedService: Hashable, Sendable {
    public var namespace: String
    public var name: String
    public var form: Form

    public enum Form: Hashable, Sendable {
        /// It has addresses of its own, and its ports are served there. The ports are in the order of the manifest.
        case doors([IPAddress], [Door])
        /// It is headless: its name stands for all of its endpoints.
        case endpoints([EndpointPort])
        /// It is another name for this one, which may be a Service's or any other: `ExternalName`.
        case alias(String)
    }

    /// A port of a Service, and where it is served.
    public struct Door: Hashable, Sendable {
        /// Empty for the single port of a Service that does not name it.
        public var name: String
        public var transport: TransportProtocol
        /// As the manifest has it; clients look for it by this number.
        public var port: UInt16
        /// As it is served; another one if the former was not to be had.
        public var servedPort: UInt16

        public init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16, servedPort: UInt16? = nil) {
            self.name = name
            self.transport = transport
            self.port = port
            self.servedPort = servedPort ?? port
        }
    }

    /// A port of a headless Service, and who serves it.
    public struct EndpointPort: Hashable, Sendable {
        public var name: String
        public var transport: TransportProtocol
        public var endpoints: [Endpoint]

        public init(name: String = "", transport: TransportProtocol = .tcp, endpoints: [Endpoint]) {
            self.name = name
            self.transport = transport
            self.endpoints = endpoints
        }
    }

    public struct Endpoint: Hashable, Sendable {
        /// Its name below that of the Service.
        public var name: String
        /// Where it is; the port is 0 if the Service has none.
        public var address: EndpointAddress

        public init(name: String, address: EndpointAddress) {
            self.name = name
            self.address = address
        }
    }

    public init(namespace: String = "default", name: String, form: Form) {
        self.namespace = namespace
        self.name = name
        self.form = form
    }
}
