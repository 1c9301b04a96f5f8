import Admin
import ArgumentParser
import Balancing
import Base
import Glibc
import KubernetesAPI
import Logging
import Objects
import Proxy
import Relay

/// `portico dev`: the local development proxy.
struct Dev: AsyncParsableCommand {
    static let name = "dev"
    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Serve the Services of manifests or of a cluster on addresses of this machine.",
        discussion: """
            Each Service gets a loopback address of its own, in 127.64.0.0/10, that never changes, and keeps its port \
            number; a port below 1024 that may not be bound becomes port + 8000. Each connection goes to the next pod \
            in turn, which must be reachable from here, or played by --demo-pods. Manifests are read again when they \
            change. It needs neither root nor a cluster, and changes nothing outside its own process. Ctrl-C ends it.

            EXAMPLES
              Serve all Services of a folder:
                portico dev -f manifests/

              What portico.yaml says, here or in a folder above; portico init writes one:
                portico dev

              Try it without any pod: Portico plays those of Deployments and so on:
                portico dev --demo-pods -f manifests/

              What a cluster has, its pods being reached directly or through the API server:
                portico dev --kubeconfig ~/.kube/config --context kind-kind -n shop

              Some of them only:
                portico dev -f manifests/ -n shop -l 'tier in (web, api)'

              A port of your choice (kubectl port-forward service/my-service 10000:80):
                portico dev -f manifests/ --publish my-service:80=10000

              All of the Services, but cart from your desk while it listens on 3000:
                portico dev -f manifests/ --local cart=3000
                portico dev -f manifests/ --local cart -- npm start

              A Service without a manifest:
                portico dev --service db:5432=10.0.0.7:5432,[fd00::7]:5432

              In scripts, which wait for the line whose "event" is "listening":
                portico dev -f manifests/ --output json

              Run a program that finds Services as in a pod, as web, as web.shop, and by
              WEB_SERVICE_HOST and so on, and end with it ('sudo' in it needs --no-names):
                portico dev -f manifests/ -n shop -- npm start

              The same for programs that are started elsewhere:
                portico dev -f manifests/ --env-file services.env
                docker run --network host --env-file services.env my-image

              Services by their names in a browser, or any program that knows proxies:
                portico dev -f manifests/ --socks 1080
                curl --proxy socks5h://127.0.0.1:1080 http://web.shop/

              Names as in a cluster:
                portico dev -f manifests/ --dns 5353
                dig @127.0.0.1 -p 5353 web.shop.svc.cluster.local
                dig @127.0.0.1 -p 5353 _http._tcp.web.shop SRV

            EXIT STATUS
              That of the program behind --, if there is one: 127 if it cannot be found,
              128 + n if signal n ended it. Signals to Portico are passed on to it.

            SIGNALS
              SIGINT, SIGTERM: an orderly end; a second one ends at once. The program
              behind --, if there is one, gets them instead, and ends both. SIGHUP: all
              manifests are read again, also those that seem unchanged. SIGUSR1, SIGUSR2,
              SIGALRM: nothing. SIGQUIT: an end at once.
            """
    )

    @OptionGroup(title: "What to serve") var selection: SelectionOptions
    @OptionGroup(title: "What to serve") var lone: LoneServiceOptions
    @OptionGroup(title: "What to serve") var project: ProjectOptions

    @OptionGroup(title: "Which cluster") var cluster: ClusterOptions
    @OptionGroup(title: "Which cluster") var reaching: ReachOptions
    @OptionGroup(title: "Which cluster") var tunnelling: TunnelOptions

    @OptionGroup(title: "In place of pods") var local: LocalOptions

    @OptionGroup(title: "At which ports") var ports: PublishOptions

    @OptionGroup(title: "By which names") var names: NameOptions

    @OptionGroup(title: "By which names") var forwarding: ForwardProxyOptions
    @OptionGroup(title: "By which names") var sharing: ShareOptions

    @OptionGroup(title: "How connections are carried") var carrying: CarryingOptions
    @OptionGroup(title: "How connections are carried") var relay: RelayOptions

    @OptionGroup(title: "What is printed") var printing: OutputOptions
    @OptionGroup(title: "What is printed") var view: ViewOptions
    @OptionGroup(title: "What is printed") var access: AccessLogOptions
    @OptionGroup(title: "What is printed") var logging: LoggingOptions

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp(
            "Behind --, a program to run once everything listens, with its arguments.",
            discussion:
                """
                It finds Services by name (--no-names: not so), gets the variables of --env-file, and has standard output to \
                itself: the table goes to standard error.
                """,
            valueName: "command"),
        completion: Completions.command)
    var command: [String] = []

    func validate() throws {
        guard !selection.files.isEmpty || !lone.services.isEmpty || isOfCluster else {
            throw ValidationError(
                "nothing to serve: name manifests with -f, a cluster with --kubeconfig or --context, or a Service with "
                    + "--service, or have 'portico init' write a project file")
        }
        guard selection.files.isEmpty || !cluster.isGiven else {
            throw ValidationError("manifests and a cluster cannot be served at once: leave out -f or --kubeconfig")
        }
        guard reaching.reach == nil || isOfCluster else {
            throw ValidationError("--reach is about the pods of a cluster: name one with --kubeconfig or --context")
        }
        guard tunnelling.tunnelProtocol == nil || isOfCluster else {
            throw ValidationError(
                "--tunnel-protocol is about the pods of a cluster: name one with --kubeconfig or --context")
        }
        // The second one could never be bound, and to find out only at run time helps nobody. Port 0 is always free.
        var places: Set<PublishArgument.Place> = []
        for argument in ports.publish where argument.place.port != 0 {
            guard places.insert(argument.place).inserted else {
                throw ValidationError("--publish: \(argument.place) is given twice")
            }
        }
        guard command.isEmpty || access.accessLog != "-" else {
            throw ValidationError("--access-log - would write between what the program behind -- prints: name a file")
        }
        try names.check(against: selection.files + [cluster.kubeconfig, project.projectInUse].compactMap(\.self))
        try forwarding.check()
        try lone.check(defaultNamespace: selection.defaultNamespace)
        try local.check(publish: ports.publish, command: command)
    }

    func run() async throws {
        if !command.isEmpty, let status = await FirstProcess.runAgain() {
            if status != 0 { throw ExitCode(status) }
            return
        }
        logging.bootstrap()
        Serving.begin(output: printing.output, log: logging.format)
        if let file = project.projectInUse {
            Logger(label: "dev").notice("\(file) says what is not on the command line")
        }
        var settings = DevelopmentProxy.Settings()
        settings.publications = ports.publish.map { $0.publication(defaultNamespace: selection.defaultNamespace) }
        settings.staticServices = lone.staticServices(defaultNamespace: selection.defaultNamespace)
        settings.balancing = carrying.balancing
        settings.locals = local.locals.map { $0.target(defaultNamespace: selection.defaultNamespace) }
        settings.localFallback = local.localFallback ?? .endpoints
        let program = project.projectInUse == nil ? command.first : ProjectCommandLine.program(of: command)
        settings.command = program?.split(separator: "/").last.map(String.init) ?? ""
        settings.includes = { [selection] service in
            selection.includes(namespace: service.metadata.namespace, labels: service.metadata.labels)
        }
        settings.defaultNamespace = selection.defaultNamespace
        settings.selection = selection.text
        settings.isOfCluster = isOfCluster
        let played = local.demoPods == .nobody ? nil : local.demoPods
        settings.playsPods = played != nil
        let demo = try played.map { try DemoStandIns(only: $0) }
        if let demo { settings.standIn = { demo.address(for: $0) } }
        // Programs have standard output to themselves.
        let teller = StatusTeller(logger: Logger(label: "dev"))
        let named = try namedCluster()
        let reach = named.map {
            PodReach(reaching.reach ?? .auto, by: tunnelling.tunnelProtocol, $0.upgrades, teller.logger)
        }
        if reaching.reach == .tunnel { settings.udpRefusal = PodReach.udpRefusal }
        let reachability = reach.map { PodReachability(teller, $0) }
        let report = DevReport(
            format: printing.output, output: command.isEmpty ? .output : .error, followed: followed,
            reportsConnections: view.connections, command: program, reachability: reachability)
        let isNamed = names.isWanted || !command.isEmpty
        let publisher =
            isNamed
            ? try NamePublisher(
                names, settings, namespace: selection.defaultNamespace, commandFolder: project.commandFolder) : nil
        let forwardProxy = try forwarding.settings(share: sharing.share).map { proxy in
            DevForwardProxy(
                proxy, isOpen: forwarding.socksOpen, domain: names.domain, namespace: selection.defaultNamespace,
                Logger(label: "dev"))
        }
        settings.resolvesHeadless = isNamed || local.demoPods != nil || forwardProxy != nil
        SessionSignal.begin()
        var configuration = RelayConfiguration.ofThisMachine(udpTimeout: relay.udpTimeout?.duration)
        let accessLog = try access.log()
        configuration.reportsConnections = view.connections || reachability != nil || accessLog != nil
        if let reach { configuration.carry(by: reach, share: sharing.share, Logger(label: "dev")) }
        try await Session<DevRole>(
            source: source(named, teller), teller: teller,
            report: isWatched ? LiveReport(report, on: .output) : report, configuration: configuration,
            desk: desk(teller, named), accessLog: accessLog, hasOthers: !lone.services.isEmpty
        ).run(
            DevRole(
                settings: settings, drainLimit: carrying.drainTimeout.duration, keepsGoing: ports.keepGoing, demo: demo,
                names: publisher, forwarding: forwardProxy, command: command))
    }

    private func desk(_ teller: StatusTeller, _ cluster: NamedCluster?) -> AdminDesk? {
        guard let admin = view.admin else { return nil }
        var subject = AdminSubject(command: "portico dev", version: Version.number, board: teller.board)
        subject.services = .all
        subject.cluster = cluster.map { .init(meter: $0.meter, server: $0.access.server.authority) }
        subject.verbosity = .init(read: { LogVerbosity.current }, write: { LogVerbosity.set($0) })
        let desk = AdminDesk(
            subject, at: [.init(address: .port(admin.address), option: "--admin")], isShared: false, teller
        ) { place in
            teller.logger.notice("status, metrics and a dashboard: http://\(place)/")
        }
        desk.begin()
        return desk
    }
}
