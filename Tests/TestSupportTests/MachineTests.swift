import Glibc
import TestSupport
import Testing

@Suite struct MachineTests {
    @Test func eventuallyWaitsAndGivesUp() async {
        let start = ContinuousClock.now
        #expect(await eventually(within: .seconds(5)) { ContinuousClock.now - start > .milliseconds(20) })
        #expect(await !eventually(within: .milliseconds(20)) { false })
    }

    @Test func temporaryDirectoryGoesWithItsContents() throws {
        var folder: TemporaryDirectory? = try TemporaryDirectory()
        let path = try #require(folder?.path)
        try folder?.write("x", to: "a/b/c.yaml")
        try folder?.replace("a/b/c.yaml", with: "y")
        #expect(access("\(path)/a/b/c.yaml", R_OK) == 0)
        folder = nil
        #expect(access(path, F_OK) != 0)
    }

    @Test func freePortIsFree() throws {
        let port = try freePort()
        _ = try ScriptedServer(port: port, script: [])
    }

    @Test(.requires(.ordinaryUser)) func ordinaryUserProgramIsOne() async throws {
        let result = try await runAsOrdinaryUser(
            "/bin/sh", ["-c", "id -u; echo \"$GREETING\"; exit 3"], environment: ["GREETING": "hello"])
        #expect(result.status == 3)
        #expect(result.output != "0\nhello\n" && result.output.hasSuffix("\nhello\n"))
    }

    @Test(.requires(.ordinaryUser)) func ordinaryUserProcessMayNotBindLowPorts() async {
        await #expect(processExitsWith: .success) {
            try OrdinaryUser.become()
            #expect(geteuid() != 0)
            // Still able to see its own descriptors, which the descriptor tests need.
            #expect(Descriptors.open() >= 3)
            // Some machines allow all ports; then there is nothing to see here.
            let server = Result { try ScriptedServer(port: 1, script: []) }
            if case .failure(let error as PeerError) = server {
                #expect(error == .system("bind 127.0.0.1:1", errno: EACCES))
            }
        }
    }

    @Test func childTalksAndIsReaped() async throws {
        let child = try ChildProcess("/bin/cat")
        try child.write("to the cat\n")
        #expect(await eventually { child.output == "to the cat\n" })
        child.signal(SIGTERM)
        #expect(try await child.finished().status == 128 + SIGTERM)
    }

    @Test func childThatHangsIsKilled() async throws {
        let child = try ChildProcess("/bin/sleep", ["100"])
        await #expect(throws: PeerError.self) { try await child.finished(within: .milliseconds(50)) }
    }

    @Test func missingToolIsNotMet() {
        #expect(!Requirement.tool("no-such-program-anywhere").isMet)
        #expect(Requirement.tool("sh").isMet)
        #expect(Requirement.root.isMet == (geteuid() == 0))
    }

    /// Skipping and failing for want of something, seen in a run of this very bundle: on its own this test does nothing.
    @Test(.requires(Requirement("what PORTICO_TEST_PROBE says is there") { getenv("PORTICO_TEST_PROBE") == nil }))
    func probe() {}

    @Test(arguments: [(noSkip: "", succeeds: true), (noSkip: "1", succeeds: false)])
    func missingRequirementSkipsOrFails(noSkip: String, succeeds: Bool) async throws {
        let run = try ChildProcess(
            currentExecutable(), ["--testing-library", "swift-testing", "--filter", "MachineTests/probe"],
            environment: ["PORTICO_TEST_PROBE": "1", "PORTICO_NO_SKIP": noSkip])
        let result = try await run.finished()
        #expect((result.status == 0) == succeeds)
        #expect(
            (result.output + result.errors).contains(succeeds ? "needs what" : "missing: what"),
            "\(result.output) \(result.errors)")
    }
}
