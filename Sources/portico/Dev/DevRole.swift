import Base
import Cluster
import Glibc
import Logging
import Names
import Objects
import Proxy
import Status

/// What `portico dev` does in its session.
struct DevRole: SessionRole {
    enum Event: Sendable {
        /// The program that the session is for.
        case commandEnded
        /// Somebody listens, or does not any more, whose matter that is.
        case localsChanged
        /// What the system's resolver has said by now.
        case found(DevelopmentProxy.HostAnswer)
    }

    let settings: DevelopmentProxy.Settings
    let drainLimit: Duration
    /// What cannot be done as it was asked for is no reason to end.
    let keepsGoing: Bool
    /// Lets the pods of the manifests be played; nil without demo pods.
    let demo: DemoStandIns?
    /// Told of everything that is served; nil if nobody wants to know it by name.
    let names: NamePublisher?
    /// The proxy of `--socks`; nil for none.
    let forwarding: DevForwardProxy?
    /// The program to run once everything listens, with its arguments; empty for none. The session ends with it.
    let arguments: [String]

    private var tools: SessionTools<Event>?
    private var proxy: DevelopmentProxy?
    private var command: UserCommand?
    private var wasToldToEnd = false
    private let watch: LocalWatch
    private var watching: Task<Void, Never>?
    /// Host names are being looked up: a resolver may be silent for long.
    private var isLookingUp = false
    private let answers = AsyncStream.makeStream(
        of: DevelopmentProxy.HostAnswer?.self, bufferingPolicy: .bufferingOldest(1))
    /// How long a start waits for the addresses of host names.
    private static let patience = Duration.seconds(2)
    private(set) var exitStatus: Int32?

    init(
        settings: DevelopmentProxy.Settings, drainLimit: Duration, keepsGoing: Bool, demo: DemoStandIns?,
        names: NamePublisher?, forwarding: DevForwardProxy? = nil, command: [String]
    ) {
        self.settings = settings
        self.drainLimit = drainLimit
        self.keepsGoing = keepsGoing
        watch = LocalWatch(settings.locals)
        self.demo = demo
        self.names = names
        self.forwarding = forwarding
        arguments = command
    }

    var rereading: String { "SIGHUP: reading everything again" }
    var retryInterval: Duration { .seconds(5) }
    static var signals: [Int32] { SessionSignal.watched }
    static func meaning(of signal: Int32) -> SessionSignal { SessionSignal(signal) }

    /// What was asked for has not been done, such as to run a program.
    func status(endedEarlyBy signal: Int32) -> Int32 { 128 + signal }

    // MARK: Serving

    mutating func start(_ first: SourceUpdate, _ tools: SessionTools<Event>) async throws -> Bool {
        _ = await watch.look()
        let proxy = DevelopmentProxy(relay: tools.relay, settings: settings, sight: watch.sight)
        (self.tools, self.proxy) = (tools, proxy)
        var served = await proxy.apply(first.changes)
        if settings.needsNames {
            lookUp(proxy)
            if let hosts = try await firstAnswer(tools) {
                let resolved = await proxy.apply(hosts)
                served.services.merge(resolved.services) { _, later in later }
                (served.problems, served.notes) = (resolved.problems, resolved.notes)
            }
        }
        guard served.refusals.isEmpty || keepsGoing else {
            let all = served.refusals.joined(separator: "; ")
            throw CommandFailure("\(all); to serve the rest all the same, say --keep-going")
        }
        try await publish(served, proxy)
        let dns = await names?.dnsAddress.map { "\($0)" }
        let forwardProxy = try await forwarding?.start(tools.relay)
        tools.teller.update { status in
            served.tell(&status)
            status.names = dns
            status.forwardProxy = forwardProxy
        }
        tools.teller.update { $0.enter(.serving) }
        if let advice = LowPorts().advice(served.services.values.compactMap(\.self)) {
            tools.teller.logger.notice("\(advice)")
        }
        defer { watchLocals(tools) }
        guard !arguments.isEmpty else { return false }
        do {
            command = try await names?.start(arguments, tools.teller.logger) { tools.wake(.commandEnded) }
            if let command { watch.follow(command.pid) }
            return false
        } catch {
            StandardStream.error.write("portico: \(error)\n")
            exitStatus = (error as? UserCommand.Failure)?.status ?? EXIT_FAILURE
            return true
        }
    }

    private static let watchInterval = Duration.milliseconds(300)

    private mutating func watchLocals(_ tools: SessionTools<Event>) {
        guard !settings.locals.isEmpty else { return }
        watching = Task { [watch] in
            while (try? await Task.sleep(for: Self.watchInterval)) != nil {
                if await watch.look() { tools.wake(.localsChanged) }
            }
        }
    }

    mutating func take(_ update: SourceUpdate) async {
        guard let proxy else { return }
        await tell(await proxy.apply(update.changes), proxy)
    }

    mutating func retry(isReread: Bool) async {
        guard let proxy else { return }
        await tell(await proxy.retry(), proxy)
        lookUp(proxy)
    }

    /// Beside everything else, which must not wait for somebody's DNS.
    private mutating func lookUp(_ proxy: DevelopmentProxy) {
        guard settings.needsNames, !isLookingUp, let tools else { return }
        isLookingUp = true
        let answers = answers.continuation
        Task {
            let hosts = await proxy.lookUp()
            answers.yield(hosts)
            tools.wake(.found(hosts))
        }
    }

    /// What the resolver says at first; nil if that takes too long for those who wait for the rest. It is served when it comes.
    private func firstAnswer(_ tools: SessionTools<Event>) async throws -> DevelopmentProxy.HostAnswer? {
        let (stream, continuation) = answers
        let hosts = try await tools.signals.unlessEnded {
            let limit = Task {
                try await Task.sleep(for: Self.patience)
                continuation.yield(nil)
            }
            defer { limit.cancel() }
            for await hosts in stream { return hosts }
            return DevelopmentProxy.HostAnswer?.none
        }
        if hosts == nil {
            tools.teller.logger.notice("the resolver has not answered yet for all host names of --service and --local")
        }
        return hosts
    }

    private func tell(_ served: DevelopmentProxy.Served, _ proxy: DevelopmentProxy) async {
        // First, so that whoever reads of a change finds the new names.
        var problems: [Problem] = []
        do {
            try await publish(served, proxy)
        } catch {
            problems.append(Problem(.error, .node, "\(error)"))
        }
        for line in served.news { tools?.teller.logger.notice("\(line)") }
        tools?.teller.update { status in
            served.tell(&status)
            status.replace(problems, of: .configuration)
        }
    }

    private func publish(_ served: DevelopmentProxy.Served, _ proxy: DevelopmentProxy) async throws {
        guard names != nil || demo != nil || forwarding != nil else { return }
        var named: [ServedName] = []
        for (key, status) in served.services {
            let (service, resolved) = await proxy.description(of: key)
            named.append(ServedName(key: key, status: status, service: service, resolved: resolved))
        }
        demo?.update(named)
        await forwarding?.update(named, settings.standIn)
        try await names?.update(named)
    }

    // MARK: The end

    mutating func take(_ event: Event) async -> Bool {
        switch event {
        case .commandEnded:
            exitStatus = command?.reap()
            return true
        case .localsChanged:
            if let proxy { await tell(await proxy.apply(watch.sight), proxy) }
            return false
        case .found(let hosts):
            isLookingUp = false
            if let proxy { await tell(await proxy.apply(hosts), proxy) }
            return false
        }
    }

    mutating func endIsWanted(by signal: Int32) -> Bool {
        guard let command else { return true }
        // What a signal means is for the command to say.
        command.pass(on: signal)
        if signal == SIGTERM {
            if wasToldToEnd {
                let name = "\(settings.command) (process \(command.pid))"
                tools?.teller.logger.notice(
                    "\(name) has been told to end and goes on; 'kill -9 \(command.pid)' ends it, and this with it")
            }
            wasToldToEnd = true
        }
        return false
    }

    mutating func beginEnd() async -> [Duration?] {
        watching?.cancel()
        await forwarding?.stop()
        tools?.teller.update { $0.enter(.draining) }
        return [drainLimit]
    }

    mutating func finish() async { await names?.stop() }
}

extension DevelopmentProxy.Served {
    fileprivate func tell(_ status: inout Status) {
        status.update(services: services)
        status.replace(problems, of: .services)
        status.replace(notes: notes, of: .services)
    }
}

extension DevelopmentProxy.Settings {
    /// Whether any endpoint, or process, is given by a host name.
    var needsNames: Bool {
        staticServices.contains { $0.endpoints.contains { $0.host.isName } }
            || locals.contains { if case .port(_, let host?) = $0.place { host.isName } else { false } }
    }
}

extension StaticService.Host {
    fileprivate var isName: Bool { if case .name = self { true } else { false } }
}
