import ArgumentParser
import Base
import KubernetesAPI
import Logging
import Objects
import Proxy
import Relay

/// `portico forward`: the counterpart of `kubectl port-forward`.
struct Forward: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Forward ports of this machine to pods, through the API server: kubectl port-forward that lasts.",
        discussion: """
            Each connection goes to the next pod in turn that is ready, by a tunnel through the API server; if that pod \
            does not take it, to another before the client notices. Pods may come and go: it ends only when it is told \
            to. It takes the arguments of 'kubectl port-forward' and prints the same lines, and more than one target. It \
            needs no root, and the permission to create pods/portforward (from 1.35 on to get it, too).

            EXAMPLES
              Port 10000 of this machine to port 80 of a Service:
                portico forward service/my-service 10000:80

              Several at once; the same port here and there; any free port:
                portico forward svc/web 8080:80 svc/db 5432 pod/cache-0 :6379

              All pods of a Deployment, by the name of a port:
                portico forward deployment/web 8080:http -n shop

              For others on this machine and in the network:
                portico forward svc/web 8080:80 --address 0.0.0.0 --share

              By an API server before 1.31 behind a gateway that knows WebSockets only:
                portico forward svc/web 8080:80 --tunnel-protocol channels

            EXIT STATUS
              0 after SIGINT. 1 if the target is not there, has no pod that is ready within
              --pod-running-timeout, or none of the ports can be listened on.
            """
    )

    @Argument(
        help: ArgumentHelp(
            "What to forward to, and its ports; repeatable.",
            discussion: """
                TYPE is service, pod, deployment, statefulset, daemonset, replicaset or job; without one it is a pod. Ports \
                are numbers or names: of the Service, else of the pod's containers.
                """, valueName: "TYPE/NAME [LOCAL:]REMOTE"))
    var words: [String] = []

    @OptionGroup(title: "Which cluster") var cluster: ClusterOptions
    @OptionGroup(title: "Which cluster") var tunnelling: TunnelOptions
    @Option(
        name: [.customShort("n", allowingJoined: true), .customLong("namespace")],
        help: ArgumentHelp("The namespace. (default: that of the context)", valueName: "namespace"),
        transform: { try NamespaceArgument($0) })
    var namespace: NamespaceArgument?

    @OptionGroup(title: "Where to listen") var forwarding: ForwardOptions
    @OptionGroup(title: "Where to listen") var sharing: ShareOptions
    @OptionGroup(title: "What is printed") var logging: LoggingOptions

    func validate() throws {
        let requests: [ForwardRequest]
        do throws(ArgumentError) {
            requests = try ForwardRequest.parse(words)
        } catch {
            throw ValidationError("\(error)")
        }
        for case let address? in forwarding.addresses where !address.isLoopback && !sharing.share {
            throw ValidationError(
                "--address \(address) is reached from other machines, which would act as you: --share says that this is "
                    + "meant")
        }
        var seen: Set<UInt16> = []
        for port in requests.flatMap(\.ports) {
            guard let local = port.local ?? port.remoteNumber, local != 0, !seen.insert(local).inserted else {
                continue
            }
            throw ValidationError("port \(local) of this machine is given twice")
        }
    }

    func run() async throws {
        logging.bootstrap()
        Serving.begin(output: .text, log: logging.format)
        let teller = StatusTeller(logger: Logger(label: "forward"))
        let named = try NamedCluster(
            cluster, mayAsk: true, standard: .standard(ProcessEnvironment.variables))
        let namespace = namespace?.name ?? named.access.namespace ?? "default"
        let lookup = ForwardLookup(client: named.client, namespace: namespace)
        var targets: [ForwardDestination] = []
        for request in try ForwardRequest.parse(words) { targets.append(try await lookup.find(request)) }
        let patience = forwarding.podRunningTimeout.duration
        let deadline = ContinuousClock.now + patience
        let source = APISource(named.client, .only(targets.flatMap(\.wanted)))
        SessionSignal.begin()
        var configuration = RelayConfiguration.ofThisMachine(udpTimeout: nil)
        configuration.reportsClients = true
        let reach = PodReach(.tunnel, by: tunnelling.tunnelProtocol, named.upgrades, teller.logger)
        configuration.carry(by: reach, share: sharing.share, teller.logger)
        try await Session<ForwardRole>(
            source: SourceReader(
                ForwardSource(source, with: targets.flatMap(\.objects), until: deadline), teller, mayBeEmpty: true),
            teller: teller, report: ForwardReport(), configuration: configuration
        ).run(
            ForwardRole(targets, at: forwarding.addresses, patience: patience, until: deadline))
    }
}
