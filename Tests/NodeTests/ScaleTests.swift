import Foundation
import TestSupport
import Testing

/// What a change costs on a node with many Services. Bytes and processes are asserted; times are printed, since they are the
/// machine's. `PORTICO_PROGRAM=.build/release/portico Scripts/test.sh --filter ScaleTests` gives figures worth telling.
@Suite("Many Services on a node", Lab.requirements, .serialized) struct ScaleTests {
    /// What a daemon says about a change that is in force.
    private struct Event: Decodable {
        var event: String
        var servicePorts: Int
        var milliseconds: Double
        var processes: Int
        var bytes: Int
    }

    private func events(_ lab: Lab) throws -> [Event] {
        try lab.events(of: "node1").map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
    }

    /// Puts a manifest into place, and waits until it is in force.
    ///
    /// - Returns: what the daemon says, and the milliseconds from the one to the other.
    private func change(_ lab: Lab, _ file: String, _ yaml: String) async throws -> (event: Event, milliseconds: Double)
    {
        let before = try events(lab).count
        let start = ContinuousClock.now
        let folder = URL(fileURLWithPath: "/run/portico-lab/\(lab.name)/manifests")
        try yaml.write(to: folder.appending(path: file), atomically: true, encoding: .utf8)
        // A line is there before its end is.
        #expect(await eventually(within: .seconds(120)) { ((try? events(lab)) ?? []).count > before })
        let time = (ContinuousClock.now - start) / .milliseconds(1)
        return (try #require(try events(lab).last), time)
    }

    private func service(_ name: String, _ address: String) -> String {
        Manifest.endpoints(name, [.nginx1, .nginx3]) + """
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: \(name), namespace: default}
            spec: {clusterIP: \(address), ports: [{name: web, protocol: TCP, port: 80}]}

            """
    }

    @Test("A changed Service costs one process and a few lines, however many there are", arguments: [10, 1000, 10_000])
    func change(count: Int) async throws {
        try await Lab.run(daemons: []) { lab in
            let all = (0..<count).map { service("s\($0)", "10.\(101 + $0 / 65_536).\($0 / 256 % 256).\($0 % 256)") }
            try all.joined().write(
                toFile: "/run/portico-lab/\(lab.name)/manifests/many.yaml", atomically: true, encoding: .utf8)
            // Changes follow each other at once here, and no look at the rules comes between.
            try await lab.start("node1", ["--iptables-min-sync-period=0", "--iptables-sync-period=1h"])
            let first = try #require(try events(lab).first)
            #expect(first.servicePorts == count)
            // All at once: two rules each and one that guards the proxy port, by one restore for each family.
            #expect(first.bytes < 3600 + 410 * count && first.processes <= 14)

            // So many rules at once are more than the kernel tells of: then they are looked at.
            try await Task.sleep(for: .milliseconds(500 + count / 4))
            var times: [Double] = []
            var ruleTimes: [Double] = []
            for number in 0..<5 {
                let (event, time) = try await change(lab, "one.yaml", service("one", "10.120.0.\(number)"))
                #expect(event.processes <= 1, "only IPv4 has changed")
                #expect(event.bytes < 800, "two rules go and two come: \(event.bytes)")
                times.append(time)
                ruleTimes.append(event.milliseconds)
            }
            let answers = try await lab.ask(2, from: "client", "10.120.0.4", 80)
            #expect(answers == [.pod("nginx1"): 1, .pod("nginx3"): 1])
            // Other endpoints are none of the rules' business.
            let (endpoints, _) = try await change(
                lab, "one.yaml", service("one", "10.120.0.4").replacing("10.244.2.3", with: "10.244.2.9"))
            #expect(endpoints.processes == 0 && endpoints.bytes == 0)
            let line =
                "\(count) Services: started in \(Int(first.milliseconds)) ms with \(first.processes) processes and "
                + "\(first.bytes) bytes; changed manifest to rule in force \(Int(times.sorted()[2])) ms, of which rules "
                + "\(Int(ruleTimes.sorted()[2])) ms, 1 process"
            print(line)
        }
    }
}
