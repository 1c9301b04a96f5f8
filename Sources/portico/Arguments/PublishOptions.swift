import ArgumentParser

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
