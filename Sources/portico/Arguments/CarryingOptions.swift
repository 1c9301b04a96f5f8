import ArgumentParser
import Balancing

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
