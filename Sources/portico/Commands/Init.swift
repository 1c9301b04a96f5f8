import ArgumentParser
import Base
import Cluster
import Glibc
import KubernetesAPI
import Manifests
import Objects

/// `portico init`: writes a project file from what is in a folder.
struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a portico.yaml from the manifests of this folder and of those below it.",
        discussion: """
            Afterwards 'portico dev' alone serves them, here and in folders below. What one may want besides is in the file as \
            comments; docs/project-file.md has all fields.

            EXAMPLES
              See what would be written:
                portico init --print
            """
    )

    @Flag(name: .customLong("print"), help: "Print it, and write nothing.") var isPrinted = false

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    func run() async throws {
        logging.bootstrap()
        let draft = await Self.look()
        guard !draft.services.isEmpty else {
            let unread = draft.files.count(where: \.hasMistakes)
            throw CommandFailure(
                "no Service in any *.yaml, *.yml or *.json of this folder and those below it"
                    + (unread > 0 ? "; \(unread) cannot be read: 'portico check -R -f .' says why" : ""))
        }
        guard !isPrinted else { return StandardStream.output.write(draft.text) }
        try Self.write(draft.text)
        StandardStream.output.write(
            "\(ProjectFile.name) has been written; 'portico dev' serves \(several(draft.services.count, "Service"))\n")
    }

    private static func look() async -> ProjectDraft {
        let source = ManifestSource([.tree(".")])
        let objects = await source.next()?.changes.objects ?? [:]
        var services: [ObjectKey: UInt16] = [:]
        for case .service(let service)? in objects.values {
            services[service.metadata.key] = service.spec.ports.first?.port ?? 0
        }
        let files = await source.contents.map { file in
            ProjectDraft.File(
                path: file.path.hasPrefix("./") ? String(file.path.dropFirst(2)) : file.path, objects: file.objects,
                hasMistakes: file.hasMistakes)
        }
        return ProjectDraft(files: files, services: services)
    }

    /// Never in the place of one that is there.
    private static func write(_ text: String) throws {
        do throws(SystemError) {
            try LocalFile.write(text, to: ProjectFile.name, mode: 0o644, isNew: true)
        } catch {
            guard error.code != EEXIST else {
                throw CommandFailure("\(ProjectFile.name) is there already: --print shows what would be written")
            }
            throw CommandFailure("cannot \(error)")
        }
    }
}
