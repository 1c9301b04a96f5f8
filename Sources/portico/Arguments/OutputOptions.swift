import ArgumentParser

/// For whom standard output is; shared by `dev` and `daemon`.
struct OutputOptions: ParsableArguments {
    @Option(help: "Print for people or for programs (one JSON object a line).")
    var output: OutputFormat = .text
}
