import Foundation
import TestSupport

/// Manifests in the shapes that repositories have, and what a client gets from one of their pods that is played.
enum Repositories {
    private static let folder = projectPath("Tests/ManifestsTests/Fixtures/repositories")

    /// All of them; RepositoryTests knows what is in each.
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()

    static func path(_ name: String) -> String { "\(folder)/\(name)" }
}

/// What a web server there answers to one request, from the first line on.
func httpAnswer(_ port: UInt16, _ path: String = "/", on host: String = "127.0.0.1") async throws -> String {
    let request = "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    let script: [PeerStep] = [.send(request), .receiveAll]
    return try await ScriptedPeer.connect(to: port, on: host, script: script).finished().received.text
}
