import ArgumentParser
import Manifests
import Services

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
        logging.bootstrap()
        let result = await ManifestSource(selection.files.map(ManifestInput.init(argument:))).load()
        var state = result.state
        state.services = state.services.filter {
            selection.includes(namespace: $0.metadata.namespace, labels: $0.metadata.labels)
        }
        let resolution = state.resolve(ResolutionContext(servesUnassigned: true))
        report(result, resolution)
        if result.hasErrors { throw ExitCode.failure }
    }

    /// Mistakes on standard error, the finding on standard output.
    private func report(_ result: ManifestResult, _ resolution: Resolution) {
        let errors = result.problems.count { $0.severity == .error }
        let warnings = result.problems.count - errors
        switch output {
        case .json:
            for problem in result.problems { StandardStream.output.write(JSONLine(fields(of: problem))) }
            StandardStream.output.write(
                JSONLine([
                    ("event", "summary"), ("errors", .integer(errors)), ("warnings", .integer(warnings)),
                    ("services", .integer(result.state.services.count)),
                    ("servicePorts", .integer(resolution.ports.count)),
                ]))
        case .text:
            for problem in result.problems {
                StandardStream.error.write("\(problem.severity == .warning ? "warning: " : "")\(problem)\n")
            }
            for note in result.notes + resolution.notes.map(\.description) {
                StandardStream.error.write("note: \(note)\n")
            }
            let verdict = errors == 0 ? "no mistakes" : errors == 1 ? "1 mistake" : "\(errors) mistakes"
            StandardStream.output.write(
                "\(verdict) in \(result.state.services.count) Services with \(resolution.ports.count) ports to serve\n")
        }
    }

    private func fields(of problem: ManifestProblem) -> [(String, JSONValue)] {
        [
            ("event", "problem"), ("severity", .string(problem.severity == .error ? "error" : "warning")),
            ("file", .string(problem.file)), ("line", problem.line.map { .integer($0) } ?? .null),
            ("document", problem.document.map { .integer($0) } ?? .null),
            ("object", problem.object.map { .string($0) } ?? .null),
            ("field", problem.field.map { .string($0) } ?? .null), ("message", .string(problem.message)),
        ]
    }
}
