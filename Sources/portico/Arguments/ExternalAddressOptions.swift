import ArgumentParser
import Base

/// Which addresses Services may have as external IPs.
struct ExternalAddressOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The only addresses that may be external IPs of Services; empty for none; repeatable. (default: any)",
            discussion: "Whoever may write a Service can otherwise have the traffic to any address led to it.",
            valueName: "ranges"),
        transform: { text in
            try text.split(separator: ",").map { part in
                guard let range = IPPrefix(part) ?? IPAddress(part).flatMap(IPPrefix.init(host:)) else {
                    throw ArgumentError("'\(part)' is neither a range such as 203.0.113.0/24 nor an address")
                }
                return range
            }
        })
    var allowedExternalIps: [[IPPrefix]] = []

    /// All ranges that were given; nil if none was asked for.
    var allowed: [IPPrefix]? { allowedExternalIps.isEmpty ? nil : allowedExternalIps.flatMap(\.self) }
}
