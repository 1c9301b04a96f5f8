import ArgumentParser
import Balancing
import Base

// What only `dev` has, by its use, as `--help` shows it.

/// Services that no manifest has.
struct LoneServiceOptions: ParsableArguments {
    @Option(
        name: .customLong("service"),
        help: ArgumentHelp(
            "Serve a Service without a manifest; repeatable.",
            discussion: "Endpoints are addresses or DNS names; IPv6 addresses stand in brackets.",
            valueName: "name:port[/udp]=host:port,…"),
        transform: { try ServiceArgument($0) })
    var services: [ServiceArgument] = []

    /// What cannot be together.
    func check(defaultNamespace: String) throws {
        var known: Set<String> = []
        for service in services {
            let key = service.key(defaultNamespace: defaultNamespace)
            let port = "\(key):\(service.port)" + (service.transport == .udp ? "/udp" : "")
            guard known.insert(port).inserted else {
                throw ValidationError("--service: \(port) is given twice; name all of its endpoints at once")
            }
        }
    }
}

/// Ports of this machine beside those that Services have by themselves.
struct PublishOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Serve a port of a Service here too; repeatable.",
            discussion: """
                Without an address on 127.0.0.1 and ::1. The Service's port is its number or its name. Port 0 here is \
                chosen and printed.
                """,
            valueName: "[ns/]name:port[/udp]=[addr:]port"),
        completion: Completions.publications,
        transform: { try PublishArgument($0) })
    var publish: [PublishArgument] = []

    @Flag(help: "Serve the rest if a --publish, --local or --service cannot be done, in place of ending with 1.")
    var keepGoing = false
}

/// What becomes of a connection.
struct CarryingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How endpoints are chosen: round-robin, least-connections or random.",
            discussion: "For Services without the annotation portico.dev/balancing. (default: round-robin)",
            valueName: "choice"),
        transform: { text in
            guard let balancing = BalancingMethod(rawValue: text) else {
                throw ArgumentError("'\(text)' is none of round-robin, least-connections and random")
            }
            return balancing
        })
    var balancing = BalancingMethod.roundRobin

    @Option(
        help: ArgumentHelp(
            "How long open connections may take to end after a signal to end. (default: 2s)", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var drainTimeout = DurationArgument(.seconds(2))
}

/// What people see beside the table of all Services.
struct ViewOptions: ParsableArguments {
    @Flag(help: "Print a line for every connection.")
    var connections = false

    @Flag(
        help: ArgumentHelp(
            "Print lines on a terminal too.",
            discussion:
                "Otherwise what is served is shown there as it stands, for as long as no program runs behind --."))
    var plain = false
}
