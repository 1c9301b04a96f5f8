import APIProxy
import ArgumentParser
import Base
import EventLoop
import Glibc
import KubernetesAPI
import Logging

/// `portico proxy`: an API server on this machine. Not named after its command, as a module has that name.
struct ProxyAPI: AsyncParsableCommand {
    static let name = "proxy"
    static let flags: Set = ["disable-filter", "append-server-path", "share"]

    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Serve a cluster's API on this machine, without credentials: the counterpart of kubectl proxy.",
        discussion: """
            Requests go on to the API server with the credentials of your kubeconfig, and its answers come back, each piece \
            at once. Watches, port-forwards and other WebSocket and SPDY connections pass through. The flags are kubectl \
            proxy's, and so is the first line printed: Starting to serve on 127.0.0.1:8001. Ctrl-C ends it.

            Only programs of your own user are served, of this machine; and a browser's page only if it comes from this \
            machine, too. exec and attach are refused, as by kubectl, until --reject-paths says otherwise.

            EXAMPLES
              The API of the current context (kubectl proxy --port=8080):
                portico proxy --port 8080
                curl http://127.0.0.1:8080/api/v1/namespaces/default/services

              Of another one:
                portico proxy --context kind-kind

              A page of a Service, from its pods in turn, by its long name and a short one:
                curl http://127.0.0.1:8001/api/v1/namespaces/shop/services/web/proxy/
                curl http://127.0.0.1:8001/services/shop/web/proxy/

              Watch, with each change as it happens:
                curl -N 'http://127.0.0.1:8001/api/v1/pods?watch=1'

              kubectl and its like without a kubeconfig, port-forward too:
                kubectl -s http://127.0.0.1:8001 port-forward service/web 8080:80

              For a container, by a socket that only you can use:
                portico proxy --unix-socket /run/user/1000/kube.sock
                curl --unix-socket /run/user/1000/kube.sock http://localhost/version

              A page of your own beside the API (at /web/ and /k8s/):
                portico proxy --www ./page --www-prefix /web/ --api-prefix /k8s/

              Look, but do not touch:
                portico proxy --reject-methods '^(POST|PUT|PATCH|DELETE)$'

            SIGNALS
              SIGINT, SIGTERM: an end at once, with status 0. Whoever is connected is cut.
            """
    )

    @OptionGroup(title: "Which cluster") var cluster: ClusterOptions

    @OptionGroup(title: "Which cluster") var reaching: ReachOptions

    @OptionGroup(title: "Which cluster") var tunnelling: TunnelOptions

    @OptionGroup(title: "Where to listen, and what to let through") var proxy: APIProxyOptions

    @OptionGroup(title: "Who is served") var sharing: ShareOptions

    @OptionGroup(title: "What is printed") var logging: LoggingOptions

    func validate() throws {
        guard !proxy.isBeyondLoopback || sharing.share else {
            throw ValidationError(
                "--address \(proxy.address) is reached from other machines, which would act as you: --share says that "
                    + "this is meant")
        }
    }

    func run() async throws {
        logging.bootstrap()
        Serving.begin(output: .text, log: logging.format)
        let signals = try SignalStream([SIGINT, SIGTERM])
        defer { signals.close() }
        let logger = Logger(label: Self.name)
        _ = ResourceLimits.raiseDescriptorLimit()
        let environment = ProcessEnvironment.variables
        var access = try NamedCluster.access(cluster, standard: .standard(environment))
        if !cluster.isGiven { logger.notice("\(access.server), \(access.origin)") }
        if !access.server.path.isEmpty, !proxy.appendServerPath {
            logger.warning(
                "the server's URL has a path, which is left out: \(access.server); --append-server-path puts it in front"
            )
            access.server.path = ""
        }
        if proxy.disableFilter {
            logger.warning(
                "without a filter, any page in a browser on this machine can do with the cluster what you can")
        }
        var settings = try proxy.settings()
        settings.peers = sharing.share ? nil : .ofThisProcess()
        let server = server(settings, try NamedCluster(access, mayAsk: true))
        let serving = Task {
            try await server.run { place in StandardStream.output.write("Starting to serve on \(place)\n") }
        }
        let hearing = Task {
            for await _ in signals.signals { break }
            serving.cancel()
        }
        defer { hearing.cancel() }
        do {
            try await serving.value
        } catch let failure as ProxyFailure {
            throw CommandFailure("\(failure)")
        }
    }

    private func server(_ settings: APIProxy.Settings, _ cluster: NamedCluster) -> APIProxy {
        var settings = settings
        if proxy.serviceProxy == .portico {
            let reach = PodReach(
                reaching.reach ?? .auto, by: tunnelling.tunnelProtocol, cluster.upgrades, Logger(label: Self.name))
            settings.services = ClusterBackends(cluster.client, reach)
            settings.namespace = cluster.access.namespace ?? settings.namespace
        }
        return APIProxy(settings, passage: cluster.passage, upgrades: cluster.upgrades)
    }
}
