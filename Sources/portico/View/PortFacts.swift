import Balancing
import Base
import Relay
import Status

/// What a row of the live view says of a service port for as long as its Service is as it is. Made when that changes,
/// since there are thousands of them where a person looks at twenty.
struct PortFacts {
    /// What the relay and the clock add to it.
    struct Moment {
        var counters: PortCounters?
        /// Bytes a second, both ways.
        var rate: UInt64 = 0
        /// What failed last; nil for nothing that is worth telling any more.
        var failure: String?
        /// It failed so recently that nobody can say whether it is well again.
        var isInDoubt = false
    }

    let id: ServicePortID
    /// As if nothing had ever happened to it.
    let atRest: ServiceRow
    private let isOpen: Bool
    private let problem: String?
    private let absence: String?
    private let local: String?

    init(_ port: PortStatus, _ service: ServedService) {
        id = port.id
        isOpen = port.doors.contains { $0.listening != nil }
        problem = port.doors.lazy.compactMap(\.problem).first
        absence = port.endpoints.isEmpty ? service.notes.first { !$0.isDetail }?.text ?? port.absence : nil
        local = port.local?.text
        var row = ServiceRow(
            id: port.id, state: .ok, addresses: Self.addresses(port.doors), endpoints: port.endpoints.count)
        (row.state, row.usable, row.remark) = Self.standing(
            isOpen, row.endpoints, problem, absence, local, Moment())
        atRest = row
    }

    func row(_ moment: Moment) -> ServiceRow {
        var row = atRest
        (row.state, row.usable, row.remark) = Self.standing(
            isOpen, row.endpoints, problem, absence, local, moment)
        if let counters = moment.counters { (row.open, row.accepted) = (counters.open, counters.accepted) }
        row.rate = moment.rate
        return row
    }

    private static func standing(
        _ isOpen: Bool, _ endpoints: Int, _ problem: String?, _ absence: String?, _ local: String?, _ moment: Moment
    ) -> (ServiceRow.State, usable: Int, remark: String?) {
        let usable = max(0, endpoints - (moment.counters?.ejectedEndpoints ?? 0))
        let isWhole = usable == endpoints && problem == nil && !moment.isInDoubt
        let state: ServiceRow.State =
            !isOpen ? .closed : endpoints == 0 ? .empty : usable == 0 ? .failing : isWhole ? .ok : .partly
        let remark = problem ?? (state == .empty ? absence : moment.failure)
        // What serves it is of interest also while all is well.
        return (state, usable, local.map { ([$0] + [remark].compactMap(\.self)).joined(separator: "; ") } ?? remark)
    }

    /// The same port on both loopback addresses, as `--publish` gives it, is one of localhost.
    private static func addresses(_ doors: [DoorStatus]) -> [String] {
        var addresses: [String] = []
        for door in doors {
            guard let address = door.listening else {
                addresses.append("(\(door.wanted) failed)")
                continue
            }
            let other = "\(address)".hasPrefix("[::1]:") ? "127.0.0.1:\(address.port)" : nil
            if let other, let index = addresses.firstIndex(of: other) {
                addresses[index] = "localhost:\(address.port)"
            } else {
                addresses.append(door.isRemapped ? "\(address) (for \(door.wanted.port))" : "\(address)")
            }
        }
        return addresses
    }
}
