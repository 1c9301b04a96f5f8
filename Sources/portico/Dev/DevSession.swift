import ArgumentParser
import Base
import EventLoop
import Glibc
import Logging
import Manifests
import Proxy
import Relay
import Resolution
import Status

/// One run of `portico dev`. What changes the course of things goes through one stream and is dealt with one by one; what
/// is only told goes through another, where lines may get lost but never hold anything up.
struct DevSession {
    /// What a session wakes up for.
    enum Wake: Sendable {
        case manifests(ManifestResult)
        case signal(Int32)
        /// Read everything again.
        case reload
        /// The program that the session is for.
        case commandEnded
        /// Time to try again what did not work.
        case retry
    }

    /// How often doors that could not be opened and names that could not be resolved are tried again.
    private static let retryInterval = Duration.seconds(5)

    let settings: DevelopmentProxy.Settings
    let source: ManifestSource?
    let report: DevReport
    let drainLimit: Duration
    /// How long UDP flows may be silent; nil if that follows what they do.
    let udpTimeout: Duration?
    let reportsConnections: Bool
    /// Told about the pods of the manifests before they are served; nil without demo pods.
    let demo: DemoStandIns?
    /// Told of everything that is served; nil if nobody wants to know it by name.
    let names: NamePublisher?
    /// The program to run once everything listens, with its arguments; empty for none. The session ends with it.
    let command: [String]
    let logger: Logger
    let teller: StatusTeller

    /// Serves until a signal, or the end of the command, ends it.
    ///
    /// - Throws: ``CommandFailure`` if there is nothing to serve, or the program cannot start; `ExitCode` on a second signal
    ///   and for what the command ended with.
    func run() async throws {
        SessionSignal.begin()
        let (wakes, wake) = AsyncStream.makeStream(of: Wake.self)
        let reports = RelayReports()
        var configuration = RelayConfiguration.ofThisMachine(udpTimeout: udpTimeout)
        configuration.reportsConnections = reportsConnections
        let relay = try Relay(configuration) { reports.take($0) }
        let proxy = DevelopmentProxy(relay: relay, settings: settings)

        let first = await source?.load() ?? ManifestResult()
        // Not before that: whoever waits for a pipe that nobody writes to ends at a signal as any program does.
        let signals = try SignalStream(SessionSignal.watched)
        tell(first)
        if first.hasErrors, first.state.services.isEmpty, settings.staticServices.isEmpty {
            await relay.stop()
            throw CommandFailure("nothing is left to serve: fix the errors above")
        }
        demo?.update(first.state)
        var objects = KnownObjects()
        take(await proxy.apply(objects.changes(to: first.state)))
        if settings.needsNames { take(await proxy.retry()) }
        do {
            try await names?.update(first.state, ports)
        } catch {
            await relay.stop()
            throw error
        }
        report.listening(
            teller.board.read { $0.services }, problems: problems, files: source != nil, dns: await names?.dnsAddress,
            command: command.first)

        let narration = Task {
            await reports.narrate(logger) { if reportsConnections { report.connection($0) } }
        }
        let feeds = [
            Task {
                for await signal in signals.signals {
                    switch SessionSignal(signal) {
                    case .end(let number): wake.yield(.signal(number))
                    case .reload: wake.yield(.reload)
                    }
                }
            },
            Task { if let source { for await result in source.changes() { wake.yield(.manifests(result)) } } },
            Task { while (try? await Task.sleep(for: Self.retryInterval)) != nil { wake.yield(.retry) } },
        ]
        defer { for feed in feeds { feed.cancel() } }
        let exit = await run(
            command, ended: { wake.yield(.commandEnded) },
            meanwhile: { command in await serve(wakes, proxy, first.state, objects, command) })
        let second = await GracefulEnd.drain(relay, within: [drainLimit], logger: logger) {
            for await wake in wakes { if case .signal(let number) = wake { return number } }
            return nil
        }
        let snapshot = relay.snapshot()
        await relay.stop()
        await names?.stop()
        reports.finish()
        await narration.value
        report.summary(snapshot)
        signals.close()
        if let status = exit ?? second.map({ 128 + $0 }), status != 0 { throw ExitCode(status) }
    }

    /// Starts the command, if there is one, and serves until that or a signal ends it.
    ///
    /// - Returns: the exit status of the command.
    private func run(
        _ arguments: [String], ended: @escaping @Sendable () -> Void, meanwhile serve: (UserCommand?) async -> Void
    ) async -> Int32? {
        guard !arguments.isEmpty else {
            await serve(nil)
            return nil
        }
        do {
            let command = try UserCommand(arguments, adding: await names?.variables ?? [], ended: ended)
            await serve(command)
            return command.reap()
        } catch {
            StandardStream.error.write("portico: \(error)\n")
            return (error as? UserCommand.Failure)?.status ?? EXIT_FAILURE
        }
    }

    /// Deals with wakes until a signal says to end, or the command has ended.
    private func serve(
        _ wakes: AsyncStream<Wake>, _ proxy: DevelopmentProxy, _ first: ClusterState, _ known: KnownObjects,
        _ command: UserCommand?
    ) async {
        var (state, objects) = (first, known)
        for await wake in wakes {
            let change: StatusChange
            switch wake {
            case .signal(let number):
                // What a signal means is for the command to say.
                guard let command else { return }
                command.pass(on: number)
                continue
            case .commandEnded:
                return
            case .reload:
                logger.notice("SIGHUP: reading everything again")
                await source?.reread()
                change = take(await proxy.retry())
            case .manifests(let result):
                tell(result)
                state = result.state
                demo?.update(state)
                change = take(await proxy.apply(objects.changes(to: state)))
            case .retry:
                change = take(await proxy.retry())
            }
            do {
                try await names?.update(state, ports)
            } catch {
                logger.error("\(error)")
            }
            if !change.isEmpty { report.changed(change, problems: problems) }
        }
    }

    private var ports: [PortStatus] {
        teller.board.read { $0.services.sorted { $0.key < $1.key }.flatMap(\.value.ports) }
    }

    private var problems: [Problem] { teller.board.read { $0.problems } }

    private func tell(_ result: ManifestResult) {
        teller.update { status in
            status.replace(result.problems.map { Problem($0) }, of: .source)
            status.replace(notes: result.notes.map { Note($0, isDetail: true) }, of: .source)
        }
    }

    @discardableResult
    private func take(_ served: DevelopmentProxy.Served) -> StatusChange {
        teller.update { status in
            status.update(services: served.services)
            status.replace(served.problems, of: .services)
            status.replace(notes: served.notes, of: .services)
        }
    }
}

extension DevelopmentProxy.Settings {
    /// Whether any endpoint is given by a host name.
    var needsNames: Bool {
        staticServices.contains { $0.endpoints.contains { if case .name = $0.host { true } else { false } } }
    }
}
