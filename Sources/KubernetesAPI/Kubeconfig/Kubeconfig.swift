internal import Base
internal import Glibc

/// Kubeconfigs merged: of entries of the same name, the first file's counts, whole; and so it is with the current
/// context.
struct Kubeconfig {
    private(set) var files: [KubeconfigFile] = []

    /// Blocks while it reads. What is no file is read too: shells make pipes of `<(…)`.
    init(_ files: KubeconfigFiles) throws(KubeconfigError) {
        for path in files.paths {
            let text: [UInt8]
            do throws(SystemError) {
                text = try LocalFile.read(path, isStream: true)
            } catch {
                if case .list = files, error.code == ENOENT || error.code == ENOTDIR { continue }
                throw KubeconfigError("cannot be read: \(error.reason)", file: path)
            }
            self.files.append(try KubeconfigFile(text, path: path))
        }
    }

    init(files: [KubeconfigFile]) { self.files = files }

    var isEmpty: Bool {
        files.allSatisfy { file in
            file.currentContext == nil
                && [.clusters, .users, .contexts].allSatisfy { file.names($0).isEmpty }
        }
    }

    var currentContext: String? { files.lazy.compactMap(\.currentContext).first }

    func entry(_ section: KubeconfigFile.Section, _ name: String) throws(KubeconfigError) -> KubeconfigEntry? {
        for file in files {
            if let entry = try file.entry(section, name) { return entry }
        }
        return nil
    }

    /// What there is instead of a name that is not known, for its message.
    func choice(_ section: KubeconfigFile.Section) -> String {
        var seen: Set<String> = []
        let names = files.flatMap { $0.names(section) }.filter { seen.insert($0).inserted }
        if names.isEmpty { return "there are no \(section.rawValue)" }
        let most = 20
        let rest = names.count > most ? ", and \(names.count - most) more" : ""
        return "there are: " + names.prefix(most).map { "\"\($0)\"" }.joined(separator: ", ") + rest
    }
}
