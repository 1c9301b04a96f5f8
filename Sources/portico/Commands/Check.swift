import ArgumentParser

/// `portico check`: reads manifests as `portico dev` would, and says what is wrong with them.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for mistakes in manifests, without serving anything.",
        discussion: """
            Every mistake is one line on standard error, with file, document, line and field. The exit status is 1 if \
            there is any.

            EXAMPLES
              portico check -f manifests/
              portico check -f service.yaml -f pods.yaml -n shop
              kubectl get svc,endpointslices,pods -A -o yaml | portico check -f -
            """
    )

    @OptionGroup(title: "What to read") var selection: SelectionOptions

    @Option(help: "Print for people or for programs (one JSON object a line).")
    var output: OutputFormat = .text

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    func validate() throws {
        guard !selection.files.isEmpty else { throw ValidationError("nothing to check: name manifests with -f") }
    }

    func run() async throws {
        throw CommandFailure("'check' cannot do anything yet")
    }
}
