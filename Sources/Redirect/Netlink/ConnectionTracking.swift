internal import Base
internal import EventLoop
internal import Glibc

/// The kernel's memory of flows, asked and changed as `conntrack` does it (`linux/netfilter/nfnetlink_conntrack.h`), in
/// the network namespace of the calling thread. Blocks it while the kernel works.
enum ConnectionTracking {
    private static let subsystem: UInt8 = 1
    private enum Kind { static let (new, get, delete): (UInt8, UInt8, UInt8) = (0, 1, 2) }
    /// Of an entry.
    private enum Entry {
        static let (original, reply): (UInt16, UInt16) = (1, 2)
        static let (id, zone, filter): (UInt16, UInt16, UInt16) = (12, 18, 25)
    }
    /// Of what a client has sent, or of the answers.
    private enum Tuple { static let (addresses, ports): (UInt16, UInt16) = (1, 2) }
    private enum Ports { static let (transport, source, destination): (UInt16, UInt16, UInt16) = (1, 2, 3) }
    private static let udp: UInt8 = 17

    /// Deletes the entries of flows. Only after the rules were changed: before, the next packet would make the entry
    /// anew.
    ///
    /// At the start of a node all portals are new, and hardly any of them has a flow. So what there is is listed once,
    /// and only what is found is deleted.
    ///
    /// - Returns: how many there were.
    @discardableResult
    static func forget(_ flows: [StaleFlows]) throws(SystemError) -> Int {
        guard let family = flows.first?.family else { return 0 }
        let stale = StaleIndex(flows)
        var socket = try NetlinkSocket(.netfilter)
        let found = try list(family, through: &socket) { stale.contains($0, answeredBy: $1) }
        try delete(found, through: &socket)
        return found.count
    }

    /// Requests to delete the UDP entries of a family that somebody wants gone.
    private static func list(
        _ family: IPAddress.Family, through socket: inout NetlinkSocket,
        _ isWanted: (EndpointAddress, EndpointAddress?) -> Bool
    ) throws(SystemError) -> [[UInt8]] {
        var request = NetlinkRequest(
            subsystem: subsystem, kind: Kind.get, flags: NetlinkRequest.dump, family: family)
        // Kernels from 5.8 on leave the others out; older ones do not know the filter, and list all.
        let transport = NetlinkRequest.attribute(Ports.transport, [udp])
        request.add(Entry.original, NetlinkRequest.attribute(Tuple.ports, transport))
        let byTransport: UInt32 = 1 << 3
        request.add(
            Entry.filter | NetlinkRequest.nested,
            NetlinkRequest.attribute(1, NetlinkRequest.raw(byTransport))
                + NetlinkRequest.attribute(2, NetlinkRequest.raw(UInt32(0))))
        try socket.send(request.bytes)
        var found: [[UInt8]] = []
        while true {
            for message in NetlinkMessages(try socket.receive()) {
                switch message.type {
                case NetlinkMessage.done where message.code == 0: return found
                case NetlinkMessage.done, NetlinkMessage.error:
                    throw SystemError("list tracked flows", code: message.code)
                default:
                    guard message.subsystem == subsystem, message.kind == Kind.new,
                        let original = message.attributes[Entry.original],
                        let destination = address(NetlinkAttributes(original), family, ofSource: false),
                        isWanted(
                            destination,
                            message.attributes[Entry.reply].flatMap {
                                address(NetlinkAttributes($0), family, ofSource: true)
                            })
                    else { continue }
                    found.append(deletion(of: message.attributes, family))
                }
            }
        }
    }

    /// Where UDP was sent to, or where it came from.
    private static func address(
        _ tuple: NetlinkAttributes, _ family: IPAddress.Family, ofSource: Bool
    ) -> EndpointAddress? {
        guard let ports = tuple.nested(Tuple.ports), ports[Ports.transport]?.first == udp,
            let port = ports[ofSource ? Ports.source : Ports.destination], port.count == 2,
            let addresses = tuple.nested(Tuple.addresses)
        else { return nil }
        let ip: IPAddress
        // The second of the family's two is the destination.
        switch family {
        case .ipv4:
            guard let bytes = addresses[ofSource ? 1 : 2], bytes.count == 4 else { return nil }
            ip = IPAddress(v4: UInt32(bigEndian: bytes.u32(at: 0)))
        case .ipv6:
            guard let bytes = addresses[ofSource ? 3 : 4], bytes.count == 16 else { return nil }
            ip = IPAddress(v6High: UInt64(bigEndian: bytes.u64(at: 0)), low: UInt64(bigEndian: bytes.u64(at: 8)))
        }
        return EndpointAddress(ip: ip, port: UInt16(bigEndian: port.u16(at: 0)))
    }

    /// By the number of the entry, too: another one may have taken its place by then.
    private static func deletion(of entry: NetlinkAttributes, _ family: IPAddress.Family) -> [UInt8] {
        var request = NetlinkRequest(
            subsystem: subsystem, kind: Kind.delete, flags: NetlinkRequest.acknowledge, family: family)
        for (number, value) in entry where [Entry.original, Entry.zone, Entry.id].contains(number) {
            request.add(number, value)
        }
        return request.bytes
    }

    private static func delete(_ requests: [[UInt8]], through socket: inout NetlinkSocket) throws(SystemError) {
        // So many acknowledgements fit into the socket.
        for start in stride(from: 0, to: requests.count, by: 64) {
            let batch = requests[start..<min(start + 64, requests.count)]
            try socket.send(batch.flatMap { $0 })
            var missing = batch.count
            while missing > 0 {
                for message in NetlinkMessages(try socket.receive()) where message.type == NetlinkMessage.error {
                    missing -= 1
                    // It may just have ended by itself.
                    guard message.code == 0 || message.code == ENOENT else {
                        throw SystemError("forget a tracked flow", code: message.code)
                    }
                }
            }
        }
    }
}

/// Flows that are to be forgotten, found by where they go.
private struct StaleIndex {
    private var flows: [UInt16: [StaleFlows]] = [:]

    init(_ all: [StaleFlows]) { flows = Dictionary(grouping: all, by: \.port) }

    func contains(_ address: EndpointAddress, answeredBy source: EndpointAddress?) -> Bool {
        flows[address.port]?.contains { flow in
            (flow.destination?.contains(address.ip) ?? true) && (flow.endpoint == nil || flow.endpoint == source)
        } ?? false
    }
}
