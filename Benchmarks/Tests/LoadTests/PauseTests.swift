import Glibc
import Measure
import Testing

@testable import Load

extension LoadTests {
    /// Without a proxy a reader that pauses disturbs nobody, and its own bytes wait for it.
    @Test("A reader that pauses gets every byte, and its neighbours go on")
    func pausedReader() throws {
        let scenario = try #require(Scenario.tunnels.first { $0.method == .pause })
        var spec = try startBackend(of: scenario)
        defer { unlink(spec.counters) }
        let echo = try startBackend(of: try #require(Scenario.catalogue.first { $0.name == "echo-4" }))
        defer { unlink(echo.counters) }
        spec.otherPort = echo.port
        spec.connections = 3
        spec.pause = 0.6
        let result = Load.run(spec)
        #expect(result.failure == nil)
        #expect(result.works == true)
        #expect(try #require(result.kept) > 0)
    }

    @Test("A load of so many operations ends with them, whatever its seconds are")
    func total() throws {
        var spec = try startBackend(of: try #require(Scenario.catalogue.first { $0.name == "short-64" }))
        defer { unlink(spec.counters) }
        spec.seconds = 60
        spec.total = 500
        let result = Load.run(spec)
        #expect(result.operations + result.errors >= 500)
        #expect(result.seconds < 59)
    }
}
