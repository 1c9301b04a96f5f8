public import Base
internal import Glibc

/// What this machine's network looks like at one moment: its addresses, and which way the default routes go.
public struct NetworkInterfaces: Hashable, Sendable {
    /// One address of one interface.
    public struct Address: Hashable, Sendable {
        public var interface: String
        public var ip: IPAddress
        public var isUp: Bool
        public var isPointToPoint: Bool

        public init(_ interface: String, _ ip: IPAddress, isUp: Bool = true, isPointToPoint: Bool = false) {
            self.interface = interface
            self.ip = ip
            self.isUp = isUp
            self.isPointToPoint = isPointToPoint
        }
    }

    /// In the kernel's order.
    public var addresses: [Address]
    /// The interfaces of the default routes of each family, the preferred one first.
    public var defaultRoutes: [IPAddress.Family: [String]]

    public init(addresses: [Address] = [], defaultRoutes: [IPAddress.Family: [String]] = [:]) {
        self.addresses = addresses
        self.defaultRoutes = defaultRoutes
    }

    /// Looks. Want of descriptors or memory is an error: a machine that could not be looked at is not one without addresses.
    ///
    /// - Parameter root: where `/proc` is found. A table of routes that is not there has none.
    public static func current(root: String = "/") throws(SystemError) -> NetworkInterfaces {
        func read(_ path: String) throws(SystemError) -> String {
            switch KernelFile.read(root + path) {
            case .success(let text): return text
            case .failure(let error) where error.isOutOfDescriptors: throw error
            case .failure: return ""
            }
        }
        return NetworkInterfaces(
            addresses: try interfaceAddresses(),
            defaultRoutes: [
                .ipv4: defaultRoutes(ipv4: try read("proc/net/route")),
                .ipv6: defaultRoutes(ipv6: try read("proc/net/ipv6_route")),
            ])
    }

    /// Interfaces that hold addresses of Services: made by kube-proxy in IPVS mode, and by the DNS cache of a node.
    private static let notOwn: Set = ["kube-ipvs0", "nodelocaldns"]

    /// The addresses that this machine answers at as itself, those of loopback included, except link-local ones, which
    /// mean nothing without an interface.
    public func local(_ family: IPAddress.Family) -> [IPAddress] {
        own(family).filter { !$0.ip.isLinkLocal }.map(\.ip)
    }

    private func own(_ family: IPAddress.Family) -> [Address] {
        addresses.filter { $0.isUp && $0.ip.family == family && !Self.notOwn.contains($0.interface) }
    }

    /// The address that others reach this machine at, as far as it can tell by itself: a global one of the
    /// interface of the first default route; without such a route, of any interface that is no tunnel.
    public func primary(_ family: IPAddress.Family) -> IPAddress? {
        let candidates = own(family).filter(\.ip.isGlobalUnicast)
        for interface in defaultRoutes[family] ?? [] {
            if let found = candidates.first(where: { $0.interface == interface }) { return found.ip }
        }
        return candidates.first { !$0.isPointToPoint }?.ip
    }
}

// MARK: - The kernel's tables

extension NetworkInterfaces {
    private static func interfaceAddresses() throws(SystemError) -> [Address] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { throw SystemError("ask for the machine's addresses", code: errno) }
        defer { freeifaddrs(list) }
        var addresses: [Address] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let pointer = entry.ifa_addr, let ip = IPAddress(pointer) else { continue }
            let flags = Int32(bitPattern: entry.ifa_flags)
            addresses.append(
                Address(
                    String(cString: entry.ifa_name), ip, isUp: flags & Int32(IFF_UP) != 0,
                    isPointToPoint: flags & Int32(IFF_POINTOPOINT) != 0))
        }
        return addresses
    }

    /// `/proc/net/route` (proc(5)): interface, destination, gateway, flags, …, metric in the 7th column, mask in the
    /// 8th.
    static func defaultRoutes(ipv4 table: String) -> [String] {
        let routes = table.split(separator: "\n").dropFirst().compactMap { line -> (metric: Int, interface: String)? in
            let columns = line.split(whereSeparator: \.isWhitespace)
            guard columns.count > 7, columns[1] == "00000000", columns[7] == "00000000" else { return nil }
            return (Int(columns[6]) ?? 0, String(columns[0]))
        }
        return routes.sorted { $0.metric < $1.metric }.map(\.interface)
    }

    /// `/proc/net/ipv6_route`: destination, its length, …, metric in the 6th column, interface in the 10th, all in
    /// hexadecimal. The kernel's own "unreachable" default routes lead over `lo`.
    static func defaultRoutes(ipv6 table: String) -> [String] {
        let routes = table.split(separator: "\n").compactMap { line -> (metric: Int, interface: String)? in
            let columns = line.split(whereSeparator: \.isWhitespace)
            guard columns.count > 9, columns[1] == "00", columns[0].allSatisfy({ $0 == "0" }), columns[9] != "lo"
            else { return nil }
            return (Int(columns[5], radix: 16) ?? 0, String(columns[9]))
        }
        return routes.sorted { $0.metric < $1.metric }.map(\.interface)
    }
}

extension IPAddress {
    /// The address in a `sockaddr`; nil if it is of neither family.
    fileprivate init?(_ pointer: UnsafePointer<sockaddr>) {
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let address = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in.self)
            self.init(v4: UInt32(bigEndian: address.sin_addr.s_addr))
        case AF_INET6:
            var address = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self = withUnsafeBytes(of: &address) { bytes in
                IPAddress(
                    v6High: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            }
        default:
            return nil
        }
    }
}
