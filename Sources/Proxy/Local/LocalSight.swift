public import Base
public import Host

/// What can be seen at one moment of the processes that are to serve service ports: who listens where on this machine.
public struct LocalSight: Sendable, Equatable {
    public enum Owner: Sendable, Hashable {
        /// This process, which must not be its own client.
        case own
        /// The command behind `--`, or a process that it has started.
        case command
        case other
    }

    public struct Listener: Sendable, Hashable {
        public let socket: ListeningSocket
        public let transport: TransportProtocol
        public let owner: Owner

        public init(_ socket: ListeningSocket, _ transport: TransportProtocol, _ owner: Owner) {
            self.socket = socket
            self.transport = transport
            self.owner = owner
        }

        /// Where a client of this machine meets it.
        var address: EndpointAddress {
            guard socket.address.ip.isUnspecified else { return socket.address }
            let ip = socket.isMet(at: .loopback) ? IPAddress.loopback : .loopback6
            return EndpointAddress(ip: ip, port: socket.address.port)
        }
    }

    public var listeners: Set<Listener>
    /// The addresses of this machine, as far as anybody asks.
    public var addresses: Set<IPAddress>

    public init(_ listeners: Set<Listener> = [], addresses: Set<IPAddress> = []) {
        self.listeners = listeners
        self.addresses = addresses
    }

    /// Whether it can be seen who listens at `ip`.
    func isHere(_ ip: IPAddress) -> Bool { ip.isLoopback || addresses.contains(ip) }

    /// Who listens at an address; nil for nobody.
    func owner(at address: EndpointAddress, _ transport: TransportProtocol) -> Owner? {
        let owners = listeners.lazy.filter {
            $0.transport == transport && $0.socket.address.port == address.port && $0.socket.isMet(at: address.ip)
        }.map(\.owner)
        return owners.first { $0 != .own } ?? owners.first
    }
}

extension IPAddress {
    static let loopback = IPAddress(v4: 0x7F00_0001)
    static let loopback6 = IPAddress(v6High: 0, low: 1)
}
