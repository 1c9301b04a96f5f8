import Admin
import ArgumentParser
import Base

/// Which process is asked.
struct AdminPlaceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The Unix socket of the daemon. (default: the only one in \(AdminSocket.folder))", valueName: "path"),
        completion: .file())
    var socket: String?

    @Option(
        help: ArgumentHelp(
            "Ask at a TCP address instead, as with 'portico dev --admin'.", valueName: "address:port"),
        transform: { text in
            guard let address = EndpointAddress(text) else {
                throw ArgumentError("'\(text)' is not an address with a port, such as 127.0.0.1:10249")
            }
            return address
        })
    var address: EndpointAddress?

    func validate() throws {
        guard socket == nil || address == nil else {
            throw ValidationError("--socket and --address exclude each other: leave out one")
        }
    }

    /// - Throws: ``CommandFailure`` if it is not clear who is meant.
    func client() throws(CommandFailure) -> AdminClient {
        if let address { return AdminClient(.port(address)) }
        if let socket { return AdminClient(.socket(path: socket)) }
        let all = AdminSocket.all
        guard let only = all.first else {
            throw CommandFailure(
                "no daemon of this machine can be asked: none has a socket in \(AdminSocket.folder); name one with --socket, or "
                    + "an address with --address (portico dev --admin prints its own)")
        }
        guard all.count == 1 else {
            throw CommandFailure(
                "several daemons can be asked: choose one with --socket: \(all.joined(separator: ", "))")
        }
        return AdminClient(.socket(path: only))
    }
}
