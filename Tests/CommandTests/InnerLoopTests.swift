import Foundation
import TestSupport
import Testing

/// A day at the desk with `portico dev`: all of a repository is played, one of its Services is served from this machine, and a program finds
/// all of them by name. As an ordinary user.
@Suite(.timeLimit(.minutes(5))) struct InnerLoopTests {
    /// The fixture, where everybody may read it.
    private func copy(_ name: String, to folder: TemporaryDirectory) throws {
        let path = Repositories.path(name)
        for file in try FileManager.default.contentsOfDirectory(atPath: path) {
            try folder.write(String(contentsOfFile: "\(path)/\(file)", encoding: .utf8), to: file)
        }
    }

    private func ports(_ folder: TemporaryDirectory) async throws -> [Listening.Port] {
        let session = try DevProcess(["-f", folder.path, "--demo-pods", "--output", "json"])
        let ports = try await session.listening().services
        _ = try await session.end()
        return ports
    }

    /// Clients that come one after the other. All of it is one value, so that none asks any more once they are seen to rest.
    private struct Clients {
        var hasEnded = false
        var isPaused = false
        var isBusy = false
        /// How what they were answered begins.
        var answers: Set<String> = []

        /// Whether one may ask now, which makes them busy.
        mutating func begin() -> Bool {
            isBusy = !isPaused
            return isBusy
        }
    }

    @Test(
        "One Service of a repository is served from the desk while clients run, and all are found by name",
        .requires(.userNamespaces, .ordinaryUser, .tool("getent")), arguments: Repositories.names)
    func day(_ name: String) async throws {
        let folder = try TemporaryDirectory(readableByAll: true)
        try copy(name, to: folder)
        let ports = try await ports(folder)
        let names = Set(ports.filter { !$0.addresses.isEmpty }.map { "\($0.name).\($0.namespace)" }).sorted()
        let mine = try #require(ports.first { $0.protocol == "TCP" })
        let place = "\(mine.namespace)/\(mine.name):\(mine.port)"
        let (door, desk) = (try freePort(), try freePort())
        let script =
            "for name in \(names.joined(separator: " ")); do getent -s hosts:files hosts $name || exit 3; done; "
            + "echo all; cat"
        let session = try DevProcess(
            [
                "-f", folder.path, "--demo-pods", "--publish", "\(place)=127.0.0.1:\(door)", "--local",
                "\(place)=\(desk)",
                "--", "sh", "-c", script,
            ], launcher: OrdinaryUser.launcher, input: true)
        try await session.waitFor("all\n")
        #expect(try await httpAnswer(door).hasPrefix("HTTP/1.1 200"))

        // None of these fails, whoever serves at the moment. What is open when the process ends is cut off by that, and so nothing is.
        let clients = Locked(Clients())
        let asking = Task {
            while !clients.withLock({ $0.hasEnded }) {
                guard clients.withLock({ $0.begin() }) else {
                    try await Task.sleep(for: .milliseconds(1))
                    continue
                }
                let answer = String(try await httpAnswer(door).prefix(8))
                clients.withLock { clients in
                    clients.answers.insert(answer)
                    clients.isBusy = false
                }
            }
        }
        for _ in 0..<2 {
            let process = try ScriptedServer(port: desk, script: [.send("mine"), .shutdownWrite, .receiveAll])
            #expect(await eventually(within: .seconds(20)) { clients.withLock { $0.answers.contains("mine") } })
            clients.withLock { $0.isPaused = true }
            #expect(await eventually(within: .seconds(20)) { !clients.withLock { $0.isBusy } })
            await process.stop()
            clients.withLock { clients in
                clients.isPaused = false
                clients.answers = []
            }
            #expect(await eventually(within: .seconds(20)) { clients.withLock { $0.answers } == ["HTTP/1.1"] })
        }
        clients.withLock { $0.hasEnded = true }
        try await asking.value
        session.child.closeInput()
        #expect(try await session.finished().status == 0, "\(session.child.errors)")
    }
}
