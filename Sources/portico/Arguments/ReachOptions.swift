import ArgumentParser

/// How the pods of a cluster are reached.
struct ReachOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How the pods of a cluster are reached: auto, direct or tunnel.",
            discussion: """
                direct: by their addresses. tunnel: through the API server, as kubectl port-forward does. auto: directly \
                where that works, else by tunnel. UDP cannot go by tunnel. (default: auto)
                """,
            valueName: "choice"),
        transform: { text in
            guard let choice = ReachChoice(rawValue: text) else {
                throw ArgumentError("'\(text)' is none of auto, direct and tunnel")
            }
            return choice
        })
    var reach: ReachChoice?
}
