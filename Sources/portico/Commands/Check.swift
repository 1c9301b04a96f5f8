import ArgumentParser
import Balancing
import Base
import Cluster
import Manifests
import Objects
import Resolution

/// `portico check`: reads manifests as `portico dev` would, and says what is wrong with them.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for mistakes in manifests and in a daemon's configuration, without serving anything.",
        discussion: """
            Every mistake is one line on standard error, with file, document, line and field. The exit status is 1 if \
            there is any.

            EXAMPLES
              portico check -f manifests/
              portico check -f service.yaml -f pods.yaml -n shop
              portico check -f manifests/ --endpoints
              portico check --config /var/lib/kube-proxy/config.conf
              kubectl get svc,endpointslices,pods -A -o yaml | portico check -f -
            """
    )

    @OptionGroup(title: "What to read") var selection: SelectionOptions

    @Option(
        help: ArgumentHelp("A KubeProxyConfiguration, as portico daemon takes it.", valueName: "file"),
        completion: .file())
    var config: String?

    @Flag(help: "Say also what would be served: each port of each Service, and its endpoints.")
    var endpoints = false

    @Option(help: "Print for people or for programs (one JSON object a line).")
    var output: OutputFormat = .text

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    func validate() throws {
        guard !selection.files.isEmpty || config != nil else {
            throw ValidationError("nothing to check: name manifests with -f, or a configuration with --config")
        }
    }

    func run() async throws {
        logging.bootstrap()
        let isRight = config.map(checkConfiguration) ?? true
        if !selection.files.isEmpty { try await checkManifests() }
        if !isRight { throw ExitCode.failure }
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
            if mistakes.isEmpty { StandardStream.output.write("no mistakes in \(path), which sets \(count) things\n") }
        }
        return mistakes.isEmpty
    }

    private func checkManifests() async throws {
        let source = ManifestSource(selection.inputs)
        let update = await source.next() ?? SourceUpdate()
        var objects = ObjectChanges()
        for object in update.changes.objects.values.compactMap(\.self) {
            if case .service(let service) = object,
                !selection.includes(namespace: service.metadata.namespace, labels: service.metadata.labels)
            {
                continue
            }
            objects.update(object)
        }
        let resolution = Self.resolve(objects, ResolutionContext(servesUnassigned: true))
        // A developer may use what a node must not let anybody have.
        let onNode = Self.resolve(objects, ResolutionContext(servesUnassigned: true, safety: NodeSafety()))
        let finding = Finding(
            problems: await source.problems, notes: update.notes, resolution: resolution,
            services: objects.objects.keys.count { $0.kind == .service },
            refusals: onNode.notes.filter { $0.level == .refusal })
        report(finding)
        if finding.errors > 0 { throw ExitCode.failure }
    }

    private static func resolve(_ objects: ObjectChanges, _ context: ResolutionContext) -> Resolution {
        var resolver = Resolver(context)
        _ = resolver.apply(objects)
        return resolver.resolution
    }

    private struct Finding {
        let problems: [ManifestProblem]
        let notes: [String]
        let resolution: Resolution
        let services: Int
        let refusals: [ResolutionNote]
        var errors: Int { problems.count { $0.severity == .error } }
    }

    /// Mistakes on standard error, the finding on standard output.
    private func report(_ finding: Finding) {
        let resolution = finding.resolution
        let refusals = finding.refusals.map { (subject: $0.subject, message: "portico daemon: \($0.text)") }
        let errors = finding.errors
        let warnings = finding.problems.count - errors + refusals.count
        switch output {
        case .json:
            for problem in finding.problems { StandardStream.output.write(JSONLine(fields(of: problem))) }
            for refusal in refusals {
                StandardStream.output.write(
                    JSONLine([
                        ("event", "refusal"), ("severity", "warning"), ("object", .string(refusal.subject)),
                        ("message", .string(refusal.message)),
                    ]))
            }
            if endpoints { for port in resolution.ports { StandardStream.output.write(JSONLine(fields(of: port))) } }
            StandardStream.output.write(
                JSONLine([
                    ("event", "summary"), ("errors", .integer(errors)), ("warnings", .integer(warnings)),
                    ("services", .integer(finding.services)),
                    ("servicePorts", .integer(resolution.ports.count)),
                ]))
        case .text:
            for problem in finding.problems {
                StandardStream.error.write("\(problem.severity == .warning ? "warning: " : "")\(problem)\n")
            }
            for refusal in refusals {
                StandardStream.error.write("warning: \(refusal.subject): \(refusal.message)\n")
            }
            for note in finding.notes + resolution.notes.map(\.description) {
                StandardStream.error.write("note: \(note)\n")
            }
            if endpoints {
                StandardStream.output.write(
                    table(resolution.ports).rendered(inColour: StandardStream.output.takesColour) + "\n")
            }
            let verdict = errors == 0 ? "no mistakes" : errors == 1 ? "1 mistake" : "\(errors) mistakes"
            StandardStream.output.write(
                "\(verdict) in \(finding.services) Services with \(resolution.ports.count) ports to serve\n")
        }
    }

    private func table(_ ports: [ServicePort]) -> Table {
        var table = Table("SERVICE", "CLUSTER-IP", "PORT", "ENDPOINTS")
        for port in ports {
            let number = "\(port.port)/\(port.transport.rawValue)" + (port.nodePort.map { ", node port \($0)" } ?? "")
            let addresses = port.endpoints.addresses
            table.addRow(
                StyledText("\(port.name)"), StyledText(port.clusterIPs.map { "\($0)" }.joined(separator: ", ")),
                StyledText(number), StyledText(addresses.isEmpty ? "none" : addresses.joined(separator: ", ")))
        }
        return table
    }

    private func fields(of port: ServicePort) -> [(String, JSONValue)] {
        [
            ("event", "servicePort"), ("service", .string("\(port.name)")),
            ("protocol", .string(port.transport.rawValue)), ("port", .integer(Int(port.port))),
            ("nodePort", port.nodePort.map { .integer(Int($0)) } ?? .null),
            ("clusterIPs", .array(port.clusterIPs.map { .string("\($0)") })),
            ("endpoints", .array(port.endpoints.addresses.map { .string($0) })),
        ]
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

extension EndpointSelection {
    /// Of both families, as `kubectl get endpoints` has them.
    fileprivate var addresses: [String] { (ipv4.cluster + ipv6.cluster).map { "\($0.address)" } }
}
