internal import Base

/// The environment variables by which a pod finds the Services of its namespace, as kubelet sets them.
///
/// They come in two styles: `WEB_SERVICE_HOST` and `WEB_SERVICE_PORT`, and those of Docker's links,
/// `WEB_PORT_80_TCP_ADDR` and so on. Names contain the port's number as the manifest has it, since that is what
/// programs ask for; values contain the one that is served.
public struct ServiceVariables: Hashable, Sendable {
    public struct Variable: Hashable, Sendable {
        public let name: String
        public let value: String
    }

    /// In the order of the Services' names; each name once.
    public private(set) var variables: [Variable] = []

    /// The variables of a pod in `namespace`: that namespace's Services, and the cluster's own API, `kubernetes` in
    /// `default`, which every pod can see. Headless Services have none.
    public init(_ services: [NamedService], namespace: String) {
        let visible = services.filter { Self.concerns($0.name, in: $0.namespace, for: namespace) }
            // A Service of the namespace that is called like the API hides it.
            .filter { service in
                !service.isAPI || namespace == "default"
                    || !services.contains { $0.namespace == namespace && $0.name == service.name }
            }
            .sorted { $0.name < $1.name }
        // A link to a Service called web-service and the port of one called web are both WEB_SERVICE_PORT. The number
        // is what people mean; kubelet leaves it to chance.
        let plain = Set(visible.flatMap { $0.plainVariables.map(\.name) })
        var taken: Set<String> = []
        for service in visible {
            let links = service.linkVariables.filter { !plain.contains($0.name) }
            variables += (service.plainVariables + links).filter { taken.insert($0.name).inserted }
        }
    }

    /// Whether a Service can matter to the variables of a pod in `namespace`.
    public static func concerns(_ name: String, in serviceNamespace: String, for namespace: String) -> Bool {
        serviceNamespace == namespace || serviceNamespace == "default" && name == "kubernetes"
    }

    /// Lines of `NAME=value` that a shell can source and that `env -S`, systemd and `docker run --env-file` read: the
    /// values have no character that any of them treats specially.
    public var fileText: String {
        // A Service's name may begin with a digit, a shell's variable must not.
        variables.filter { $0.name.first?.isNumber == false }.map { "\($0.name)=\($0.value)\n" }.joined()
    }
}

extension NamedService {
    fileprivate var isAPI: Bool { namespace == "default" && name == "kubernetes" }

    private static func variableName(_ text: String) -> String {
        String(text.map { $0 == "-" ? "_" : $0 }).uppercased()
    }

    /// The host, the first port without its name, and every named port.
    fileprivate var plainVariables: [ServiceVariables.Variable] {
        guard case .doors(let addresses, let doors) = form, let host = addresses.first, let first = doors.first
        else { return [] }
        let prefix = Self.variableName(name) + "_SERVICE"
        var variables = [
            ServiceVariables.Variable(name: prefix + "_HOST", value: "\(host)"),
            ServiceVariables.Variable(name: prefix + "_PORT", value: "\(first.servedPort)"),
        ]
        for door in doors where !door.name.isEmpty {
            variables.append(
                ServiceVariables.Variable(
                    name: "\(prefix)_PORT_\(Self.variableName(door.name))", value: "\(door.servedPort)"))
        }
        return variables
    }

    fileprivate var linkVariables: [ServiceVariables.Variable] {
        guard case .doors(let addresses, let doors) = form, let host = addresses.first else { return [] }
        var variables: [ServiceVariables.Variable] = []
        func add(_ name: String, _ value: String) {
            variables.append(ServiceVariables.Variable(name: name, value: value))
        }
        let prefix = Self.variableName(name) + "_PORT"
        for (index, door) in doors.enumerated() {
            let transport = door.transport.rawValue.lowercased()
            let url = "\(transport)://\(EndpointAddress(ip: host, port: door.servedPort))"
            if index == 0 { add(prefix, url) }
            let link = "\(prefix)_\(door.port)_\(door.transport.rawValue)"
            add(link, url)
            add(link + "_PROTO", transport)
            add(link + "_PORT", "\(door.servedPort)")
            add(link + "_ADDR", "\(host)")
        }
        return variables
    }
}
