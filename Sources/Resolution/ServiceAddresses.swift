internal import Base
internal import Objects

/// The addresses of a Service as values, and what could not be read. One bad entry never costs the others.
struct ServiceAddresses {
    var clusterIPs: [IPAddress] = []
    var externalIPs: [IPAddress] = []
    var loadBalancerIPs: [IPAddress] = []
    var sourceRanges: [IPPrefix] = []
    var problems: [String] = []

    init(_ service: Service) {
        for address in service.spec.clusterIPs.compactMap(\.address) {
            // One per family is all that an API server assigns; a second would have no portal of its own.
            if !clusterIPs.contains(where: { $0.family == address.family }) { clusterIPs.append(address) }
        }
        externalIPs = parse(service.spec.externalIPs, field: "externalIPs")
        let captured = service.status.loadBalancer.ingress.filter { entry in
            // Any other mode means that the balancer wants to see the traffic itself.
            entry.ipMode == nil || entry.ipMode == "VIP"
        }
        loadBalancerIPs = parse(captured.compactMap(\.ip).filter { !$0.isEmpty }, field: "status.loadBalancer.ingress")
        for text in service.spec.loadBalancerSourceRanges {
            if let range = IPPrefix(text) {
                if !sourceRanges.contains(range) { sourceRanges.append(range) }
            } else {
                problems.append(
                    "loadBalancerSourceRanges: expected a range such as 10.0.0.0/8, found \"\(text)\"; ignored")
            }
        }
    }

    private mutating func parse(_ texts: [String], field: String) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for text in texts {
            guard let address = IPAddress(text) else {
                problems.append("\(field): expected an IP address, found \"\(text)\"; ignored")
                continue
            }
            if !addresses.contains(address) { addresses.append(address) }
        }
        return addresses
    }
}
