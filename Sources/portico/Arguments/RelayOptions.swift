import ArgumentParser

/// How connections and flows are carried; shared by `dev` and `daemon`.
struct RelayOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long both sides of a UDP exchange may be silent before the client may get another endpoint.",
            discussion: """
                Without it as long as the exchange suggests: 10s while no answer has come, 2s after one question and one \
                answer, 1m for all that goes on.
                """,
            valueName: "duration"),
        transform: { text in
            let duration = try DurationArgument(text)
            guard duration.duration >= .milliseconds(1) else { throw ArgumentError("'\(text)' is less than 1ms") }
            return duration
        })
    var udpTimeout: DurationArgument?
}
