import ArgumentParser
import Base
import Cluster
import Glibc
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

    func run() async throws {
        let draft = await Self.look()
        guard !draft.services.isEmpty else {
            let unread = draft.files.count(where: \.hasMistakes)
            throw CommandFailure(
                "no Service in any *.yaml, *.yml or *.json of this folder and those below it"
                    + (unread > 0 ? "; \(unread) cannot be read: 'portico check -R -f .' says why" : ""))
        }
        guard !isPrinted else { return StandardStream.output.write(draft.text) }
        try Self.write(draft.text)
        let count = draft.services.count
        StandardStream.output.write(
            "\(ProjectFile.name) has been written; 'portico dev' serves \(count) \(count == 1 ? "Service" : "Services")\n"
        )
    }

    private static func look() async -> ProjectDraft {
        let source = ManifestSource([.tree(".")])
        let objects = await source.next()?.changes.objects ?? [:]
        var services: [ObjectKey: UInt16] = [:]
        for case .service(let service)? in objects.values {
            services[service.metadata.key] = service.spec.ports.first?.port ?? 0
        }
        let files = await source.contents.filter { $0.path != "./\(ProjectFile.name)" }.map { file in
            ProjectDraft.File(
                path: file.path.hasPrefix("./") ? String(file.path.dropFirst(2)) : file.path, objects: file.objects,
                hasMistakes: file.hasMistakes)
        }
        return ProjectDraft(files: files, services: services)
    }

    /// Never in the place of one that is there.
    private static func write(_ text: String) throws {
        let descriptor = open(ProjectFile.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            guard errno != EEXIST else {
                throw CommandFailure("\(ProjectFile.name) is there already: --print shows what would be written")
            }
            throw CommandFailure("cannot write \(ProjectFile.name): \(SystemError.reason(errno))")
        }
        var code = StandardStream.write(text, to: descriptor)
        if close(descriptor) != 0, code == nil { code = errno }
        if let code { throw CommandFailure("cannot write \(ProjectFile.name): \(SystemError.reason(code))") }
    }
}
