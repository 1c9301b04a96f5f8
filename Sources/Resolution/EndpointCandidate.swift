internal import Balancing
internal import Base

/// An endpoint before selection: what a slice, an Endpoints object or a pod offers for one service port.
struct EndpointCandidate {
    var endpoint: ServiceEndpoint
    var isReady = true
    /// Whether it answers, be it terminating or not.
    var isServing = true
    var isTerminating = false
    var zoneHints: [String] = []
    var nodeHints: [String] = []

    /// Ready, or at least good enough for when nothing is ready.
    var isUsable: Bool { isReady || isLastResort }
    var isLastResort: Bool { isServing && isTerminating }
}

/// The candidates of one service port, each address once.
///
/// An address may stand in two slices while the controller moves it, and in two pods while one address is handed on.
/// The one that is not terminating is the one that lives on.
struct CandidateSet {
    private var byAddress: [EndpointAddress: EndpointCandidate] = [:]

    var isEmpty: Bool { byAddress.isEmpty }

    mutating func insert(_ candidate: EndpointCandidate) {
        let address = candidate.endpoint.address
        guard candidate.isTerminating, byAddress[address] != nil else {
            byAddress[address] = candidate
            return
        }
    }

    /// Removes those that there is a reason against, and returns the reasons in the order of the addresses.
    mutating func removeAll(_ reason: (EndpointAddress) -> String?) -> [String] {
        var reasons: [(address: EndpointAddress, text: String)] = []
        for address in byAddress.keys {
            if let text = reason(address) { reasons.append((address, text)) }
        }
        for (address, _) in reasons { byAddress[address] = nil }
        return reasons.sorted { ($0.address.ip, $0.address.port) < ($1.address.ip, $1.address.port) }.map(\.text)
    }

    /// Those of one family in the order of their addresses, so that equal sets give equal lists.
    func sorted(_ family: IPAddress.Family) -> [EndpointCandidate] {
        byAddress.values.filter { $0.endpoint.address.ip.family == family }
            .sorted { a, b in
                let (a, b) = (a.endpoint.address, b.endpoint.address)
                return a.ip == b.ip ? a.port < b.port : a.ip < b.ip
            }
    }

    /// The addresses that a health check counts: local and ready, terminating ones not even while they serve.
    var localReadyIPs: Set<IPAddress> {
        Set(byAddress.values.lazy.filter { $0.endpoint.isLocal && $0.isReady }.map(\.endpoint.address.ip))
    }
}
