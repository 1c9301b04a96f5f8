import ArgumentParser

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
