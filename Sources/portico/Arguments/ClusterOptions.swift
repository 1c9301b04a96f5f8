import ArgumentParser
import Base
import Glibc
import KubernetesAPI

/// Which cluster's API server to ask, and as whom.
struct ClusterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Serve the Services of the cluster that this file names, and follow their changes.",
            discussion: "See docs/kubeconfig.md.", valueName: "file"),
        completion: .file())
    var kubeconfig: String?

    @Option(help: ArgumentHelp("A context of the kubeconfig. (default: its current one)", valueName: "name"))
    var context: String?

    @Option(
        help: ArgumentHelp(
            "The API server's address, in place of the one that the kubeconfig has.", valueName: "url"))
    var master: String?

    /// Something on the command line names a cluster.
    var isGiven: Bool { kubeconfig != nil || context != nil || master != nil }
}

/// A cluster to ask, looked up.
struct NamedCluster {
    let access: ClusterAccess
    let client: any APIClient
    /// Counts what it is asked.
    let meter = APIMeter()
    /// For tunnels.
    let upgrades: UpgradeClient
    /// For requests of others.
    let passage: APIPassage

    /// Something says where the API server is without anybody naming it.
    static var isInPod: Bool { ProcessEnvironment.variables["KUBERNETES_SERVICE_HOST"]?.isEmpty == false }

    /// - Parameters:
    ///   - mayAsk: a plug-in may use standard input, if that is a terminal.
    ///   - standard: files that count where none is named; nil for none.
    /// - Throws: ``CommandFailure`` if nothing says how to reach it.
    init(_ options: ClusterOptions, mayAsk: Bool, standard: KubeconfigFiles?) throws(CommandFailure) {
        try self.init(try Self.access(options, standard: standard), mayAsk: mayAsk)
    }

    init(_ access: ClusterAccess, mayAsk: Bool) throws(CommandFailure) {
        self.access = access
        let environment = ProcessEnvironment.variables
        let host = ExecHost(environment: environment, mayAsk: mayAsk && isatty(STDIN_FILENO) == 1)
        let credentials = Credentials(access, host: host)
        do throws(APIError) {
            client = MeteredClient(
                try HTTPAPIClient(
                    access, credentials: credentials, version: Version.number, environment: environment), meter)
            upgrades = try UpgradeClient(
                access, credentials: credentials, version: Version.number, environment: environment)
            passage = try APIPassage(
                access, credentials: credentials, version: Version.number, environment: environment)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    /// Looks it up, without asking anybody.
    static func access(
        _ options: ClusterOptions, standard: KubeconfigFiles?
    ) throws(CommandFailure) -> ClusterAccess {
        do throws(KubeconfigError) {
            return try ClusterAccess.load(
                options.kubeconfig.map(KubeconfigFiles.file) ?? standard, context: options.context,
                master: options.master, environment: ProcessEnvironment.variables)
        } catch {
            throw CommandFailure("\(error)")
        }
    }
}
