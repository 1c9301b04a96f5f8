import Foundation
import TestSupport
import Testing

/// What a cluster with many Services costs a daemon that follows its API server over TLS. Requests and processes are asserted;
/// times and memory are printed, since they are the machine's.
/// `PORTICO_PROGRAM=.build/release/portico Scripts/test.sh --filter ClusterScaleTests` gives figures worth telling.
@Suite("Many Services of an API server", Lab.requirements, .serialized) struct ClusterScaleTests {
    private static let changes = 200
    /// Only an optimized program and its server are soon done with ten thousand.
    private static let sizes =
        ProcessInfo.processInfo.environment["PORTICO_PROGRAM"] == nil ? [1000] : [1000, 10_000]

    private func service(_ number: Int) -> String {
        #"{"metadata":{"name":"s\#(number)","namespace":"default","uid":"5b7d2f0c-0000-4000-8000-\#(number)"},"spec":{"#
            + #""type":"ClusterIP","clusterIP":"10.\#(101 + number / 65_536).\#(number / 256 % 256).\#(number % 256)","#
            + #""selector":{"app":"s\#(number)"},"ports":[{"name":"web","protocol":"TCP","port":80,"targetPort":8080}]}}"#
    }

    /// Ten endpoints; another `generation` has another last one.
    private func slice(_ number: Int, _ generation: Int = 0) -> String {
        let endpoints = (0..<10).map { index in
            let last = index == 9 ? 100 + generation % 100 : index
            return #"{"addresses":["10.\#(128 + number / 4096).\#(number / 16 % 256).\#(number % 2 * 128 + last)"],"#
                + #""conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node\#(index % 3 + 1)","#
                + #""targetRef":{"kind":"Pod","namespace":"default","name":"s\#(number)-\#(index)"}}"#
        }
        return
            #"{"metadata":{"name":"s\#(number)-x","namespace":"default","labels":{"kubernetes.io/service-name":"s\#(number)"}},"#
            + #""addressType":"IPv4","ports":[{"name":"web","protocol":"TCP","port":8080}],"endpoints":["#
            + endpoints.joined(separator: ",") + "]}"
    }

    @Test(
        "A changed endpoint costs its own work and no request, however many Services there are",
        arguments: Self.sizes)
    func scale(count: Int) async throws {
        try await Lab.run(.apiServer, daemons: []) { lab in
            let cluster = try lab.cluster
            for number in 0..<count {
                cluster.put("Service", "s\(number)", service(number))
                cluster.put("EndpointSlice", "s\(number)-x", slice(number))
            }
            let start = ContinuousClock.now
            try await lab.start("node1", ["--iptables-min-sync-period=0", "--iptables-sync-period=1h"])
            let started = (ContinuousClock.now - start) / .milliseconds(1)
            let pid = try lab.pid(of: "node1")
            #expect(try lab.events(of: "node1").first?.contains("\"services\":\(count)") == true)
            try await Task.sleep(for: .seconds(1))

            let (requests, idle) = (cluster.requests, try cpuTime(of: pid))
            try await Task.sleep(for: .seconds(5))
            let used = try cpuTime(of: pid) - idle
            #expect(cluster.requests == requests, "nothing has changed, and nothing is asked")

            var times: [Double] = []
            for generation in 1...Self.changes {
                let length = try length(of: lab)
                let number = generation * 7919 % count
                let begin = ContinuousClock.now
                cluster.put("EndpointSlice", "s\(number)-x", slice(number, generation))
                let isTold = await eventually(within: .seconds(30), every: .microseconds(500)) {
                    (try? self.length(of: lab)) ?? 0 > length
                }
                #expect(isTold)
                times.append((ContinuousClock.now - begin) / .milliseconds(1))
            }
            #expect(cluster.requests == requests, "changes come by the watches that there are")
            let events = try lab.events(of: "node1")
            #expect(
                events.dropFirst().allSatisfy { $0.contains("\"processes\":0") },
                "endpoints are none of the rules' business")

            let memory = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
                .split(separator: "\n").first { $0.hasPrefix("VmHWM") }
            let sorted = times.sorted()
            print(
                "\(count) Services × 10 endpoints: in force \(Int(started)) ms after the start, \(memory ?? ""); "
                    + "changed endpoint in force after \(milliseconds(sorted[times.count / 2])) ms, "
                    + "p99 \(milliseconds(sorted[times.count * 99 / 100])) ms; CPU of 5 idle seconds \(used) ms")
        }
    }

    private func milliseconds(_ time: Double) -> String { String(format: "%.1f", time) }

    private func length(of lab: Lab) throws -> Int {
        var status = stat()
        guard stat("/run/portico-lab/\(lab.name)/node1.out", &status) == 0 else { return 0 }
        return Int(status.st_size)
    }

    /// In milliseconds.
    private func cpuTime(of pid: Int32) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = try #require(text.split(separator: ")").last).split(separator: " ")
        let ticks = try #require(Int(fields[11])) + (try #require(Int(fields[12])))
        return ticks * 1000 / sysconf(Int32(_SC_CLK_TCK))
    }
}
