import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

@testable import portico

@Suite(.timeLimit(.minutes(1))) struct DemoStandInTests {
    private func endpoint(_ pod: String) throws -> ServiceEndpoint {
        let ip = try #require(IPAddress("10.0.0.1"))
        return ServiceEndpoint(address: EndpointAddress(ip: ip, port: 80), podName: pod)
    }

    /// A headless Service with these pods.
    private func service(_ name: String, _ pods: String...) throws -> ServedName {
        let endpoints = try pods.map { try endpoint($0) }
        return ServedName(
            key: ObjectKey(namespace: "default", name: name), status: nil, service: nil,
            resolved: ResolvedService(headless: [HeadlessPort(endpoints: endpoints)]))
    }

    @Test func aPodStaysForAsLongAsAnyServiceHasIt() async throws {
        let pods = try DemoStandIns()
        let shared = try #require(pods.address(for: try endpoint("shared")))
        let lone = try #require(pods.address(for: try endpoint("lone")))
        pods.update([try service("a", "shared", "lone"), try service("b", "shared")])
        #expect(pods.address(for: try endpoint("shared")) == shared)

        pods.update([try service("a")])
        #expect(pods.address(for: try endpoint("shared")) == shared, "the other Service has it")
        pods.update([try service("b")])
        // One that comes back is a new pod; the former place may go to anybody, but not to itself while it closes.
        let answers = await eventually {
            guard let socket = try? ScriptedPeer.connect(to: lone.port, script: []) else { return true }
            return await socket.report().failure?.reason.isRefused == true
        }
        #expect(answers, "nobody has it any more")
    }
}
