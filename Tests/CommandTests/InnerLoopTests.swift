import Foundation
import TestSupport
import Testing

/// A day at the desk with `portico dev`: all of a repository is played, one of its Services is served from this machine, and a program finds
/// all of them by name. As an ordinary user.
@Suite(.timeLimit(.minutes(5))) struct InnerLoopTests {
    private struct Listening: Decodable {
        struct Port: Decodable {
            let name: String
            let namespace: String
            let port: UInt16
            let `protocol`: String
            let addresses: [String]
        }
        let services: [Port]
    }

    private static let fixtures =
        #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined() + "/ManifestsTests/Fixtures/repositories"

    /// The fixture, where everybody may read it.
    private func copy(_ name: String, to folder: TemporaryDirectory) throws {
        for file in try FileManager.default.contentsOfDirectory(atPath: "\(Self.fixtures)/\(name)") {
            try folder.write(String(contentsOfFile: "\(Self.fixtures)/\(name)/\(file)", encoding: .utf8), to: file)
        }
    }

    private func ports(_ folder: TemporaryDirectory) async throws -> [Listening.Port] {
        let session = try DevProcess(["-f", folder.path, "--demo-pods", "--output", "json"])
        try await session.waitFor(#""event":"listening""#)
        let line = try #require(session.child.output.split(separator: "\n").first { $0.contains("\"listening\"") })
        _ = try await session.end()
        return try JSONDecoder().decode(Listening.self, from: Data(line.utf8)).services
    }

    private func answer(_ port: UInt16) async throws -> String {
        let script: [PeerStep] = [.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), .receiveAll]
        return try await ScriptedPeer.connect(to: port, script: script).finished().received.text
    }

    @Test(
        "One Service of a repository is served from the desk while clients run, and all are found by name",
        .requires(.mountNamespaces),
        arguments: ["online-shop", "book-shop", "guest-book", "ingress-controller", "gitops-tool", "monitoring"])
    func day(_ name: String) async throws {
        let folder = try TemporaryDirectory(readableByAll: true)
        try copy(name, to: folder)
        let ports = try await ports(folder)
        let names = Set(ports.filter { !$0.addresses.isEmpty }.map { "\($0.name).\($0.namespace)" }).sorted()
        let mine = try #require(ports.first { $0.protocol == "TCP" })
        let place = "\(mine.namespace)/\(mine.name):\(mine.port)"
        let (door, desk) = (try freePort(), try freePort())
        let script = "for name in \(names.joined(separator: " ")); do getent hosts $name || exit 3; done; echo all; cat"
        let session = try DevProcess(
            [
                "-f", folder.path, "--demo-pods", "--publish", "\(place)=127.0.0.1:\(door)", "--local",
                "\(place)=\(desk)",
                "--", "sh", "-c", script,
            ], launcher: OrdinaryUser.launcher, input: true)
        try await session.waitFor("all\n")
        #expect(try await answer(door).hasPrefix("HTTP/1.1 200"))

        // None of these fails, whoever serves at the moment. What is open when the process ends is cut off by that, and so nothing is.
        let (hasEnded, isPaused, isBusy) = (Locked(false), Locked(false), Locked(false))
        let clients = Task {
            var answers: Set<String> = []
            while !hasEnded.withLock({ $0 }) {
                while isPaused.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
                isBusy.withLock { $0 = true }
                answers.insert(String(try await answer(door).prefix(8)))
                isBusy.withLock { $0 = false }
            }
            return answers
        }
        for _ in 0..<2 {
            let process = try ScriptedServer(port: desk, script: [.send("mine"), .shutdownWrite, .receiveAll])
            #expect(try await eventually(within: .seconds(20)) { try await answer(door) == "mine" })
            isPaused.withLock { $0 = true }
            #expect(await eventually { !isBusy.withLock { $0 } })
            await process.stop()
            isPaused.withLock { $0 = false }
            #expect(try await eventually(within: .seconds(20)) { try await answer(door).hasPrefix("HTTP/1.1 200") })
        }
        hasEnded.withLock { $0 = true }
        #expect(try await clients.value == ["HTTP/1.1", "mine"])
        session.child.closeInput()
        #expect(try await session.finished().status == 0, "\(session.child.errors)")
    }
}
