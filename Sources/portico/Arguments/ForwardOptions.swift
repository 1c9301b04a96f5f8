import ArgumentParser
import Base

/// Where `portico forward` listens, and for how long it waits at first.
struct ForwardOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Addresses of this machine to listen on, or localhost, joined by commas; repeatable.",
            discussion: "localhost is 127.0.0.1 and ::1. (default: localhost)", valueName: "address"),
        transform: { try AddressList($0) })
    var address: [AddressList] = []

    @Option(
        help: ArgumentHelp(
            "How long to wait at first for a pod that is ready. (default: 1m)", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var podRunningTimeout = DurationArgument(.seconds(60))

    /// Nil for localhost.
    var addresses: [IPAddress?] {
        var seen: Set<IPAddress?> = []
        let all = address.isEmpty ? [nil] : address.flatMap(\.addresses)
        return all.filter { seen.insert($0).inserted }
    }

    /// One value of `--address`.
    struct AddressList: Sendable {
        let addresses: [IPAddress?]

        init(_ text: String) throws(ArgumentError) {
            var addresses: [IPAddress?] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                if part == "localhost" {
                    addresses.append(nil)
                } else if let address = IPAddress(part) {
                    addresses.append(address)
                } else {
                    throw ArgumentError("'\(part)' is not an IP address of this machine, nor localhost")
                }
            }
            self.addresses = addresses
        }
    }
}
