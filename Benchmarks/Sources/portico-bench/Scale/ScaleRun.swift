import CBench
import Glibc
import Measure

/// One run of `portico-bench scale`.
struct ScaleRun {
    let sandbox: Sandbox
    let binary: String
    let sizes: [Int]
    let changes: Int
    let starts: Int
    let idleSeconds: Double

    private var folder: String { "\(sandbox.folder)/manifests" }
    /// Long enough that no regular look falls into a window that is not about looks.
    private static let noLooks = 3600
    /// In which memory is given back, and a daemon has nothing left to do.
    private static let restSeconds = 10.0

    init(_ sandbox: Sandbox, binary: String, sizes: [Int], changes: Int, starts: Int, idleSeconds: Double) throws {
        self.sandbox = sandbox
        (self.binary, self.sizes, self.changes, self.starts) = (binary, sizes, changes, starts)
        self.idleSeconds = idleSeconds
        let said = capture(
            ["/usr/bin/env", "ip", "address", "add", "\(ScaleCluster.node)/24", "dev", "lo"], in: sandbox.folder)
        guard said.isEmpty else { throw BenchFailure("ip: \(said)") }
        // Out of the way of the ports that the daemon takes.
        try write("32768 60999", to: "/proc/sys/net/ipv4/ip_local_port_range")
    }

    func results() throws -> ScaleResults {
        let version = capture([binary, "--version"], in: sandbox.folder)
        var results = ScaleResults(
            version: String(version.prefix { $0 != "\n" }), endpoints: ScaleCluster.endpointsPerService,
            pollInterval: 0.25)
        var environment = Machine.describe(sandbox, threads: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        environment["threads"] = nil
        results.environment = environment
        results.emptyMemory = try emptyMemory()
        for services in sizes {
            var size = ScaleResults.Size(services: services)
            // What has been measured before it went wrong is worth keeping.
            do { try measure(&size, isLargest: services == sizes.max()) } catch {
                results.remarks.append("\(services) Services: \(error)")
            }
            results.sizes.append(size)
        }
        return results
    }

    private func measure(_ size: inout ScaleResults.Size, isLargest: Bool) throws {
        let services = size.services
        let cluster = ScaleCluster(folder: folder, services: services, servicesPerFile: 50)
        defer { cluster.remove() }
        try cluster.write()
        // The last start goes through the changes.
        for number in 1...starts {
            tell("\(services) Services: start \(number) of \(starts)")
            let proxy = try start(cluster, noted: &size.starts)
            defer { proxy.end() }
            guard number == starts else { continue }
            try measureChanges(of: proxy, cluster, into: &size)
            tell("\(services) Services: all of them go")
            try cluster.change(turn: 1, isAdded: true)
            try proxy.wait(for: "changed", services: services + 2)
            Clock.sleep(3)
            size.iptables = try iptablesAlone(cluster)
            Clock.sleep(3)
            proxy.forgetLines()
            cluster.removeServices()
            try proxy.wait(for: "changed", services: 0)
            Clock.sleep(Self.restSeconds)
            size.memoryAfterAll = proxy.memory("VmRSS")
            size.peakMemory = proxy.memory("VmHWM")
        }
        if isLargest, idleSeconds > 0 {
            for servicesPerFile in [50, 0] {
                size.idle.append(try idle(services, servicesPerFile: servicesPerFile))
            }
        }
    }

    /// A daemon that has had no Service yet.
    private func emptyMemory() throws -> Double {
        tell("an empty start")
        let cluster = ScaleCluster(folder: folder, services: 0, servicesPerFile: 50)
        defer { cluster.remove() }
        try cluster.write()
        cluster.removeServices()
        let proxy = try ScaleProxy(
            binary, folder: folder, syncPeriod: Self.noLooks, log: "\(sandbox.folder)/daemon.log")
        defer { proxy.end() }
        try proxy.wait(for: "listening", services: 0)
        Clock.sleep(Self.restSeconds)
        return proxy.memory("VmRSS")
    }

    /// Starts a daemon where there are no rules, and waits until all is in force.
    private func start(
        _ cluster: ScaleCluster, syncPeriod: Int = noLooks, noted: inout [ScaleResults.Start]
    ) throws
        -> ScaleProxy
    {
        try removeRules()
        let log = "\(sandbox.folder)/daemon.log"
        unlink(log)
        let proxy = try ScaleProxy(binary, folder: folder, syncPeriod: syncPeriod, log: log)
        let before = proxy.usage
        let ready = try proxy.wait(for: "listening", services: cluster.services + 1)
        let after = proxy.usage
        let peak = proxy.memory("VmHWM")
        Clock.sleep(Self.restSeconds)
        noted.append(
            .init(
                wall: ready - proxy.started, ownCPU: after.own, childrenCPU: after.children, peakMemory: peak,
                memory: proxy.memory("VmRSS"), othersShare: after.othersShare(since: before)))
        return proxy
    }

    /// Each kind of change in turn, and between them as long a time without one.
    private func measureChanges(
        of proxy: ScaleProxy, _ cluster: ScaleCluster, into size: inout ScaleResults.Size
    ) throws {
        /// Rename, wait, and then until the daemon has had time to end what follows from it.
        func window(_ body: () throws -> Double) throws -> (wall: Double, from: ScaleProxy.Usage, to: ScaleProxy.Usage)
        {
            proxy.forgetLines()
            proxy.settle()
            let first = proxy.usage
            let wall = try body()
            Clock.sleep(0.5)
            proxy.settle()
            return (wall, first, proxy.usage)
        }
        var raw: [(change: ScaleResults.Change, wall: Double, from: ScaleProxy.Usage, to: ScaleProxy.Usage)] = []
        var idle: [Double] = []
        for turn in 1...changes {
            tell("\(cluster.services) Services: changes \(turn) of \(changes)")
            for change in ScaleResults.Change.allCases {
                let isAdded = change == .added
                let (wall, from, to) = try window {
                    // Anywhere between two looks at the files, evenly.
                    Clock.sleep(0.25 * Double(turn) / Double(changes))
                    let renamed = try cluster.change(turn: turn, isAdded: isAdded)
                    return try proxy.wait(for: "changed", services: cluster.services + (isAdded ? 2 : 1)) - renamed
                }
                raw.append((change, wall, from, to))
            }
            let (_, from, to) = try window {
                Clock.sleep(0.4)
                return 0
            }
            idle.append((to.own - from.own) / (to.time - from.time))
        }
        let idleShare = Figure(idle)?.median ?? 0
        for (change, wall, from, to) in raw {
            let sample = ScaleResults.ChangeSample(
                ownCPU: to.own - from.own - idleShare * (to.time - from.time),
                childrenCPU: to.children - from.children, wall: wall, othersShare: to.othersShare(since: from))
            size.changes[change, default: []].append(sample)
        }
    }

    private func idle(_ services: Int, servicesPerFile: Int) throws -> ScaleResults.Idle {
        let cluster = ScaleCluster(folder: folder, services: services, servicesPerFile: servicesPerFile)
        defer { cluster.remove() }
        try cluster.write()
        tell("\(services) Services in \(cluster.files) files: \(Format.fixed(idleSeconds, 0)) s of nothing")
        var starts: [ScaleResults.Start] = []
        let proxy = try start(cluster, syncPeriod: 30, noted: &starts)
        defer { proxy.end() }
        Clock.sleep(Self.restSeconds)
        let first = proxy.usage
        Clock.sleep(idleSeconds)
        let last = proxy.usage
        let seconds = last.time - first.time
        return .init(
            files: cluster.files, seconds: seconds, own: (last.own - first.own) / seconds,
            children: (last.children - first.children) / seconds, othersShare: last.othersShare(since: first))
    }

    // MARK: iptables

    private func removeRules() throws {
        let file = "\(sandbox.folder)/nothing"
        try write(["raw", "mangle", "nat", "filter"].map { "*\($0)\nCOMMIT\n" }.joined(), to: file)
        for command in ["iptables-restore", "ip6tables-restore"] { try run([command, file]) }
    }

    /// What iptables takes to delete the lines of the Service that comes and goes, and to add them again: all of those that
    /// Portico writes for it, in one transaction, and the tables in the same order.
    private func iptablesAlone(_ cluster: ScaleCluster) throws -> [ScaleResults.Change: [Double]] {
        let saved = "\(sandbox.folder)/saved"
        try run(["sh", "-c", "iptables-save > \(saved)"])
        // One portal in nat, and the proxy port that it leads to in filter.
        let name = "scale/\(cluster.addedService):http"
        let text = contents(of: saved) ?? ""
        let tables = ["filter", "nat"].map { table in
            (table, Self.rules(of: table, in: text).filter { $0.contains("--comment \"\(name)\"") })
        }
        guard tables.allSatisfy({ !$0.1.isEmpty }) else {
            throw BenchFailure("of \(text.split(separator: "\n").count) lines of iptables-save none is about \(name)")
        }
        func transaction(_ option: String) -> String {
            tables.map { table, rules in
                "*\(table)\n" + rules.map { "\(option)\($0.dropFirst(2))\n" }.joined() + "COMMIT\n"
            }.joined()
        }
        let (adding, deleting) = ("\(sandbox.folder)/adding", "\(sandbox.folder)/deleting")
        try write(transaction("-A"), to: adding)
        try write(transaction("-D"), to: deleting)
        var times: [ScaleResults.Change: [Double]] = [:]
        for _ in 0..<changes {
            for (change, file) in [(ScaleResults.Change.deleted, deleting), (.added, adding)] {
                let start = Clock.seconds
                try run(["iptables-restore", "--noflush", "--wait", "5", file])
                times[change, default: []].append(Clock.seconds - start)
            }
        }
        return times
    }

    /// The lines of `iptables-save` that append a rule to a table.
    private static func rules(of table: String, in saved: String) -> [Substring] {
        saved.split(separator: "\n").drop { $0 != "*\(table)" }.prefix { $0 != "COMMIT" }.filter { $0.hasPrefix("-A ") }
    }

    private func run(_ command: [String]) throws {
        let log = "\(sandbox.folder)/command.log"
        unlink(log)
        let child = try Child(["/usr/bin/env"] + command, log: log, talk: true)
        defer { child.end() }
        while child.line(timeout: 60) != nil {}
        let said = contents(of: log) ?? ""
        guard !said.contains("rror"), !said.contains("failed") else {
            throw BenchFailure("\(command.joined(separator: " ")): \(said)")
        }
    }

    private func tell(_ text: String) { _ = Glibc.write(2, text + "\n", text.utf8.count + 1) }
}
