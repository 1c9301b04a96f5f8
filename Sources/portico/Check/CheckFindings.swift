import Cluster
import Manifests
import Objects
import Proxy
import Resolution

/// What `portico check` finds in manifests: what is wrong with each object, and what shows only when they are taken
/// together.
struct CheckFindings: Sendable {
    /// Something that is as it should be, and worth knowing.
    struct Fact: Sendable {
        /// For those who look at few.
        let text: String
        /// One for each object or file that it stands for.
        let details: [String]
    }

    let problems: [ManifestProblem]
    let facts: [Fact]
    let ports: [ServicePort]
    let services: Int
    /// How many ports would have endpoints with `--demo-pods`.
    let playable: Int

    var errors: Int { problems.count { $0.severity == .error } }
    var warnings: Int { problems.count - errors }
    var served: Int { ports.count { $0.endpoints.hasAny } }

    init(_ update: SourceUpdate, of source: ManifestSource, _ selection: SelectionOptions) async {
        var census = ServiceCensus()
        let objects = census.take(update.changes) {
            selection.includes(namespace: $0.metadata.namespace, labels: $0.metadata.labels)
        }
        let resolver = Self.resolve(
            objects, ResolutionContext(servesUnassigned: true, resolvesHeadless: true, explainsAbsence: true))
        let played = Self.resolve(objects, ResolutionContext(servesUnassigned: true, playsPods: true))
        // A developer may use what a node must not let anybody have.
        let onNode = Self.resolve(objects, ResolutionContext(servesUnassigned: true, safety: NodeSafety()))
        let resolution = resolver.resolution
        let inspection = ServiceInspection(resolver)

        var problems = await source.problems
        for finding in inspection.findings {
            problems.append(
                await source.problem(finding.severity, about: finding.id, field: finding.field, finding.message))
        }
        for (key, service) in resolver.services.sorted(by: { $0.key < $1.key }) {
            let id = ObjectID(.service, key)
            for note in service.notes where note.level != .info {
                problems.append(await source.problem(.warning, about: id, note.text))
            }
            for note in onNode.services[key]?.notes ?? [] where note.level == .refusal {
                problems.append(await source.problem(.warning, about: id, "portico daemon: \(note.text)"))
            }
        }
        for (key, note) in zip(resolver.store.strays.sorted(), resolver.strayNotes) {
            problems.append(await source.problem(.warning, about: ObjectID(.endpointSlice, key), note.text))
        }
        if let emptiness = census.emptiness(selection: selection.text) {
            problems.append(
                ManifestProblem(severity: .warning, file: selection.files.joined(separator: ", "), message: emptiness))
        }
        self.problems = problems
        facts = Self.facts(resolution, skipped: await source.skipped, in: update.notes) + inspection.facts
        ports = resolution.ports
        services = resolver.services.count
        playable = played.resolution.ports.count { $0.endpoints.hasAny }
    }

    private static func resolve(_ objects: ObjectChanges, _ context: ResolutionContext) -> Resolver {
        var resolver = Resolver(context)
        _ = resolver.apply(objects)
        return resolver
    }

    private static func facts(_ resolution: Resolution, skipped: [String: Int], in files: [String]) -> [Fact] {
        var facts: [Fact] = []
        if !skipped.isEmpty {
            let (objects, kinds) = (skipped.values.reduce(0, +), skipped.count)
            let what = "\(several(objects, "object")) of \(several(kinds, "kind"))"
            facts.append(Fact(text: "skipped \(what)", details: files))
        }
        let notes = resolution.notes.filter { $0.level == .info }
        for (text, notes) in Dictionary(grouping: notes, by: \.text).sorted(by: { $0.key < $1.key }) {
            let details = notes.map(\.description)
            let subject = details.count == 1 ? notes[0].subject : "\(details.count) Services"
            facts.append(Fact(text: "\(subject): \(text)", details: details))
        }
        return facts
    }
}
