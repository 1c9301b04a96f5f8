import ArgumentParser
import Base
import Cluster
import Manifests

/// `portico check`: reads manifests as `portico dev` would, and says what is wrong with them.
struct Check: AsyncParsableCommand {
    static let name = "check"
    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Look for mistakes in manifests and in a daemon's configuration, without serving anything.",
        usage: "portico check [-f <path>] … [--config <file>] [<options>]",
        discussion: """
            Every mistake is one line on standard error, with file, document, line and field. An error is what an API \
            server or Portico would refuse, a warning what is probably not meant: a Service that selects nothing, a \
            port that no container has, what portico daemon would not serve. The exit status is 1 if there is an error; \
            with --strict also if there is a warning.

            EXAMPLES
              What portico.yaml says, here or in a folder above:
                portico check

              portico check -f manifests/
              portico check -f service.yaml -f pods.yaml -n shop
              portico check -f manifests/ --endpoints
              portico check --config /var/lib/kube-proxy/config.conf
              portico check -f <(helm template my-chart) --strict
              kubectl get svc,endpointslices,pods -A -o yaml | portico check -f -

            EXIT STATUS
              0: no mistakes. 1: there are some. 64: the command line is wrong.
            """
    )

    @OptionGroup(title: "What to read") var selection: SelectionOptions

    @OptionGroup var project: ProjectOptions

    @Option(
        help: ArgumentHelp("A KubeProxyConfiguration, as portico daemon takes it.", valueName: "file"),
        completion: .file())
    var config: String?

    @Flag(help: "Say also what would be served: each port of each Service, and its endpoints.")
    var endpoints = false

    @Flag(help: "End with 1 for warnings too.")
    var strict = false

    @Option(help: "Print for people or for programs (one JSON object a line).")
    var output: OutputFormat = .text

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    func validate() throws {
        guard !selection.files.isEmpty || config != nil else {
            throw ValidationError(
                project.projectInUse.map { "nothing to check: \($0) names no manifests" }
                    ?? "nothing to check: name manifests with -f, or a configuration with --config, or have 'portico init' write a "
                    + "project file")
        }
    }

    func run() async throws {
        logging.bootstrap()
        if let file = project.projectInUse { tell(note: "\(file) says what is not on the command line") }
        let isRight = config.map(checkConfiguration) ?? true
        if !selection.files.isEmpty { try await checkManifests() }
        if !isRight { throw ExitCode.failure }
    }

    private func tell(note: String) {
        switch output {
        case .json: StandardStream.output.write(JSONLine([("event", "note"), ("message", .string(note))]))
        case .text: StandardStream.error.write("note: \(note)\n")
        }
    }

    /// - Returns: whether there is no mistake in it.
    private func checkConfiguration(_ path: String) -> Bool {
        let (mistakes, notes, count): ([String], [String], Int)
        do throws(ConfigurationMistakes) {
            let configuration = try KubeProxyConfiguration(file: path)
            (mistakes, notes, count) = ([], configuration.notes, configuration.values.count)
        } catch {
            (mistakes, notes, count) = (error.lines, [], 0)
        }
        switch output {
        case .json:
            for (severity, lines) in [("error", mistakes), ("note", notes)] {
                for line in lines {
                    StandardStream.output.write(
                        JSONLine([
                            ("event", "problem"), ("severity", .string(severity)), ("file", .string(path)),
                            ("message", .string(line)),
                        ]))
                }
            }
        case .text:
            for mistake in mistakes { StandardStream.error.write("\(mistake)\n") }
            for note in notes { StandardStream.error.write("note: \(note)\n") }
            if mistakes.isEmpty {
                StandardStream.output.write("no mistakes in \(path), which sets \(several(count, "thing"))\n")
            }
        }
        return mistakes.isEmpty
    }

    private func checkManifests() async throws {
        let source = ManifestSource(selection.inputs, inspects: true)
        let update = await source.next() ?? SourceUpdate()
        let findings = await CheckFindings(update, of: source, selection)
        CheckReport(format: output, listsNotes: logging.verbosity > 0, listsPorts: endpoints).tell(findings)
        if findings.errors > 0 || (strict && findings.warnings > 0) { throw ExitCode.failure }
    }
}
