import Foundation
import TestSupport
import Testing

/// `portico dev` with the manifests that repositories have: Deployments, and no pods.
@Suite(.timeLimit(.minutes(3))) struct WorkloadProgramTests {
    /// What answers at `127.64.1.2:80`: the name of a pod.
    private func answer(_ address: String, _ transport: String = "TCP") async throws -> String {
        let parts = address.split(separator: ":")
        let (host, port) = (String(parts[0]), try #require(UInt16(parts[1])))
        guard transport == "TCP" else {
            let client = try UDPClient(to: port, on: host)
            return try await client.ask("hello") ?? "nothing"
        }
        let text = try await httpAnswer(port, on: host)
        return text.split(separator: "\r\n").last.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) } ?? text
    }

    @Test(
        "Every service port of a repository is answered by a pod that is played",
        arguments: Repositories.names)
    func repositories(_ name: String) async throws {
        let session = try DevProcess(["--demo-pods", "-f", Repositories.path(name), "--output", "json"])
        let first = try await session.listening()
        #expect(first.problems.isEmpty && !first.services.isEmpty)
        #expect(first.servedServices == first.allServices)
        for port in first.services {
            #expect(!port.endpoints.isEmpty && port.reason == nil, "\(port.service)")
            let address = try #require(port.addresses.first)
            let text = try await answer(address, port.protocol)
            #expect(port.endpoints.contains { text.hasPrefix($0.pod) }, "\(port.service): \(text)")
        }
        #expect(try await session.end().status == 0)
    }

    private let shop = """
        apiVersion: v1
        kind: Service
        metadata: {name: cart}
        spec: {selector: {app: cart}, ports: [{port: 8080}]}
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: cart}
        spec:
          replicas: 3
          selector: {matchLabels: {app: cart}}
          template:
            metadata: {labels: {app: cart}}
            spec: {containers: [{name: cart, ports: [{containerPort: 8080}]}]}
        ---

        """

    private func manifest(service name: String, endpoint port: UInt16) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: \(name)}
        spec: {ports: [{port: 8080}]}
        ---
        apiVersion: v1
        kind: Endpoints
        metadata: {name: \(name)}
        subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{port: \(port)}]}]
        ---

        """
    }

    @Test func withoutPodsItSaysWhatWouldServe() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(shop, to: "shop.yaml")
        let session = try DevProcess(["-f", folder.path])
        try await session.waitFor("Not ready: nothing is served yet.")
        let output = session.child.output
        #expect(
            output.contains(
                "none: 3 replicas of Deployment cart would serve it: --local cart=PORT, --demo-pods or a cluster"))
        #expect(output.contains("\n0 of 1 Service is served.\n") && !output.contains("Ready."))

        // Whoever edits the workload is told, and once something is served it is ready.
        try folder.replace("shop.yaml", with: shop.replacing("replicas: 3", with: "replicas: 0"))
        try await session.waitFor("none: Deployment cart is to have no pods: --local cart=PORT")
        try folder.replace("web.yaml", with: manifest(service: "web", endpoint: 9))
        try await session.waitFor("\n1 of 2 Services are served.\n\nReady.\n")
        #expect(try await session.end().status == 0)
    }

    @Test func whoIsToServeByALocalProcessIsNotToldToUseOne() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(shop, to: "shop.yaml")
        let place = "127.0.0.1:\(try freePort())"
        let session = try DevProcess(["-f", folder.path, "--local", "cart=\(place)", "--output", "json"])
        try await session.waitFor(#""event":"listening""#)
        try await session.waitFor(
            #""reason":"3 replicas of Deployment cart would serve it: --demo-pods or a cluster""#)
        #expect(session.child.output.contains(place))
        #expect(try await session.end().status == 0)
    }

    @Test func whoWaitsForALocalProcessSeesWhatElseWouldServe() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(shop, to: "shop.yaml")
        let place = "127.0.0.1:\(try freePort())"
        let session = try DevProcess(["-f", folder.path, "--local", "cart=\(place)"])
        try await session.waitFor("Not ready: nothing is served yet.")
        #expect(
            session.child.output.contains(
                "waits for \(place); none: 3 replicas of Deployment cart would serve it: --demo-pods or a cluster"),
            "\(session.child.output)")
        #expect(try await session.end().status == 0)
    }

    @Test func missingPlaysOnlyWhatNobodyServes() async throws {
        let server = try ScriptedServer.identity("mine")
        let folder = try TemporaryDirectory()
        try folder.write(shop + manifest(service: "web", endpoint: server.port), to: "shop.yaml")
        let session = try DevProcess(["-f", folder.path, "--demo-pods=missing", "--output", "json"])
        let first = try await session.listening()
        for port in first.services {
            let text = try await answer(try #require(port.addresses.first))
            #expect(
                port.service == "default/web" ? text == "mine" : text.hasPrefix("cart-"), "\(port.service): \(text)")
        }
        #expect(first.servedServices == 2)
        #expect(try await session.end().status == 0)
    }

    @Test func podsFollowTheirWorkload() async throws {
        let folder = try TemporaryDirectory()
        try folder.write(shop.replacing("kind: Deployment", with: "kind: StatefulSet"), to: "shop.yaml")
        let session = try DevProcess(["-f", folder.path, "--demo-pods", "--output", "json"])
        let first = try await session.listening()
        let address = try #require(first.services.first?.addresses.first)
        var seen: Set<String> = []
        for _ in 0..<6 { seen.insert(try await answer(address)) }
        #expect(seen == ["cart-0", "cart-1", "cart-2"])
        try folder.replace(
            "shop.yaml",
            with: shop.replacing("kind: Deployment", with: "kind: StatefulSet").replacing(
                "replicas: 3", with: "replicas: 1"))
        try await session.waitFor(#""event":"changed""#)
        for _ in 0..<3 { #expect(try await answer(address) == "cart-0") }
        #expect(try await session.end().status == 0)
    }

    @Test(
        "Nothing that was asked for, and what there is",
        arguments: [
            (["-n", "shopp"], "no Service for -n shopp: there is default/cart"),
            (["-l", "app=web"], "no Service for -l app=web: there is default/cart, without labels"),
        ])
    func emptySelection(_ selection: [String], _ words: String) async throws {
        let folder = try TemporaryDirectory()
        try folder.write(shop, to: "shop.yaml")
        let session = try DevProcess(["-f", folder.path] + selection)
        try await session.waitFor("Not ready")
        try await session.waitForErrors(words)
        #expect(try await session.end().status == 0)
    }

    @Test func anEmptyFolderAndOneWithoutServicesAreSaid() async throws {
        let folder = try TemporaryDirectory()
        let session = try DevProcess(["-f", folder.path])
        try await session.waitForErrors("no *.yaml, *.yml or *.json files in it")
        try await session.waitForErrors("there are no Services")
        try await session.waitFor("There is no Service to serve.")
        let deployment = try #require(shop.split(separator: "---\n").last { !$0.allSatisfy(\.isWhitespace) })
        try folder.replace("cart.yaml", with: String(deployment))
        try await session.waitForErrors("there are no Services, only 1 Deployment")
        try folder.replace("cart.yaml", with: shop)
        try await session.waitFor("0 of 1 Service is served.")
        try await session.waitForErrors("no longer: there are no Services")
        #expect(try await session.end().status == 0)
    }

    @Test func aWrongValueIsAUsageError() async throws {
        let session = try DevProcess(["-f", "x", "--demo-pods=some"])
        let result = try await session.finished()
        #expect(result.status == 64 && result.errors.contains("--demo-pods"), "\(result.errors)")
    }
}
