import ArgumentParser

/// What people see beside the table of all Services.
struct ViewOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Show status, metrics and a dashboard at this address of loopback; alone, at any free port.",
            discussion: "For a browser, 'portico status' and 'portico top'. Without it there is none.",
            valueName: "[address:]port"),
        transform: { try AdminArgument($0) })
    var admin: AdminArgument?

    @Flag(help: "Print a line for every connection.")
    var connections = false

    @Flag(
        help: ArgumentHelp(
            "Print lines on a terminal too.",
            discussion:
                "Otherwise what is served is shown there as it stands, for as long as no program runs behind --."))
    var plain = false
}
