import ArgumentParser
import Base
import Cluster
import Glibc
import Manifests
import Objects

/// What a shell offers for the word at the cursor: names from the manifests that the command line has, and programs.
enum Completions {
    static let namespaces = CompletionKind.custom { words, _, _ in
        Set(await services(words).map(\.metadata.namespace)).sorted()
    }

    /// `namespace/name:port=port`, without the namespace where `-n` says it.
    static let publications = CompletionKind.custom { words, _, _ in
        let namespaces = values(of: ["-n", "--namespace"], in: words)
        let standard = namespaces.count == 1 ? namespaces[0] : "default"
        var found: Set<String> = []
        for service in await services(words) {
            let (namespace, name) = (service.metadata.namespace, service.metadata.name)
            guard namespaces.isEmpty || namespaces.contains(namespace) else { continue }
            for port in service.spec.ports {
                let here = port.port < 1024 ? Int(port.port) + 8000 : Int(port.port)
                let transport = port.transport == .udp ? "/udp" : ""
                found.insert("\(namespace == standard ? "" : namespace + "/")\(name):\(port.port)\(transport)=\(here)")
            }
        }
        return found.sorted()
    }

    /// Behind `--`: a program, and then its arguments, which may be files.
    static let command = CompletionKind.custom { words, index, prefix in
        let isFirst = words.firstIndex(of: "--").map { index <= $0 + 1 } ?? true
        if isFirst, !prefix.contains("/") { return programs(prefix) }
        return files(prefix)
    }

    private static func services(_ words: [String]) async -> [Service] {
        // Whoever waits for a completion has not typed what standard input would be.
        let files = values(of: ["-f", "--file"], in: words).filter { $0 != "-" }
        guard !files.isEmpty else { return [] }
        let isRecursive = words.prefix { $0 != "--" }.contains { ["-R", "--recursive"].contains($0) }
        let inputs = files.map { ManifestInput(argument: $0, isRecursive: isRecursive) }
        let update = await ManifestSource(inputs).next()
        return (update?.changes.objects.values).map { objects in
            objects.compactMap { if case .service(let service)? = $0 { service } else { nil } }
        } ?? []
    }

    /// `-f x`, `-fx`, `--file x` and `--file=x`.
    static func values(of names: [String], in words: [String]) -> [String] {
        var values: [String] = []
        for (index, word) in words.enumerated() {
            if word == "--" { break }
            if names.contains(word) {
                if index + 1 < words.count { values.append(words[index + 1]) }
            } else if let name = names.first(where: { word.hasPrefix($0.hasPrefix("--") ? $0 + "=" : $0) }) {
                values.append(String(word.dropFirst(name.count)).drop { $0 == "=" }.description)
            }
        }
        return values.filter { !$0.isEmpty }
    }

    private static func programs(_ prefix: String) -> [String] {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        var names: Set<String> = []
        for folder in path.split(separator: ":") {
            for name in Self.names(in: String(folder)) where name.hasPrefix(prefix) {
                if !names.contains(name), access("\(folder)/\(name)", X_OK) == 0 { names.insert(name) }
            }
        }
        return names.sorted()
    }

    private static func files(_ prefix: String) -> [String] {
        let folder = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
        let beginning = prefix.dropFirst(folder.count)
        return names(in: folder.isEmpty ? "." : folder).filter { name in
            name.hasPrefix(beginning) && (!name.hasPrefix(".") || beginning.hasPrefix("."))
        }.map { folder + $0 }.sorted()
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
