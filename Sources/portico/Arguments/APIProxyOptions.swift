import APIProxy
import ArgumentParser

/// Where `portico proxy` listens and what it lets through. Names, defaults and meanings are those of kubectl proxy.
struct APIProxyOptions: ParsableArguments {
    @Option(
        name: [.customShort("p", allowingJoined: true), .long],
        help: ArgumentHelp("The port to listen on; 0 takes one that is free. (default: 8001)", valueName: "port"))
    var port: UInt16?

    @Option(
        help: ArgumentHelp("The address to listen on; beyond this machine only with --share.", valueName: "address"))
    var address = "127.0.0.1"

    @Option(
        name: [.customShort("u", allowingJoined: true), .long],
        help: ArgumentHelp(
            "A Unix socket to listen on in place of a port. Only its owner can use it.", valueName: "path"),
        completion: .file())
    var unixSocket: String?

    /// Who connects to the pods of a Service.
    enum ServiceProxy: String, ExpressibleByArgument {
        case portico, server
    }

    @Option(
        help: ArgumentHelp(
            "Who answers /api/v1/namespaces/NS/services/NAME/proxy/: portico or server.",
            discussion: """
                portico: the pods of the Service in turn, directly or by tunnel, and the next one where one refuses. server: \
                the API server, as with kubectl proxy; that needs permission for services/proxy. (default: portico)
                """,
            valueName: "choice"))
    var serviceProxy = ServiceProxy.portico

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Have links of pages that Services serve lead back to them, where these begin with a slash or name their host."
        ))
    var rewriteLinks = true

    @Option(help: ArgumentHelp("The path that the API is below.", valueName: "path"))
    var apiPrefix = "/"

    @Option(
        name: [.customShort("w", allowingJoined: true), .long],
        help: ArgumentHelp("A folder whose files are served, too.", valueName: "folder"), completion: .directory)
    var www: String?

    @Option(
        name: [.customShort("P", allowingJoined: true), .long],
        help: ArgumentHelp("The path that these files are below.", valueName: "path"))
    var wwwPrefix = "/static/"

    @Option(
        help: ArgumentHelp("Hosts that requests may be for; patterns, separated by commas.", valueName: "patterns"),
        transform: Self.patterns)
    var acceptHosts = PatternList.usualHosts

    @Option(help: ArgumentHelp("Paths that are let through.", valueName: "patterns"), transform: Self.patterns)
    var acceptPaths = PatternList.usualPaths

    @Option(
        help: ArgumentHelp("Paths that are not, although they are accepted.", valueName: "patterns"),
        transform: Self.patterns)
    var rejectPaths = PatternList.usualRejectedPaths

    @Option(
        help: ArgumentHelp("Methods that are not let through, such as 'POST,PUT,PATCH'.", valueName: "patterns"),
        transform: Self.patterns)
    var rejectMethods = PatternList.usualRejectedMethods

    @Flag(help: "Let everything through: any page in a browser here can then do with the cluster what you can.")
    var disableFilter = false

    @Option(
        help: ArgumentHelp(
            "How often upgraded connections are checked for life; 0s leaves that to the system.", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var keepalive = DurationArgument(.zero)

    @Flag(help: "Put the path of the server's URL in front of those that are asked for.")
    var appendServerPath = false

    private static func patterns(_ text: String) throws -> PatternList {
        do {
            return try PatternList(text)
        } catch {
            throw ArgumentError("\(error)")
        }
    }

    func validate() throws {
        guard unixSocket == nil || port == nil else {
            throw ValidationError("--unix-socket and --port exclude each other: leave out one")
        }
    }

    /// Whether programs of other machines could connect.
    var isBeyondLoopback: Bool {
        unixSocket == nil && !(address == "localhost" || address == "::1" || address.hasPrefix("127."))
    }

    /// - Throws: ``CommandFailure`` if there is no such folder.
    func settings() throws -> APIProxy.Settings {
        var settings = APIProxy.Settings()
        settings.address = unixSocket.map { .unixSocket(path: $0) } ?? .port(host: address, port: port ?? 8001)
        settings.filter =
            disableFilter
            ? nil
            : RequestFilter(
                acceptedHosts: acceptHosts, acceptedPaths: acceptPaths, rejectedPaths: rejectPaths,
                rejectedMethods: rejectMethods)
        settings.placement = Placement(apiPrefix: apiPrefix, filePrefix: www == nil ? nil : wwwPrefix)
        settings.rewritesLinks = rewriteLinks
        settings.keepAlive = keepalive.duration == .zero ? nil : keepalive.duration
        do throws(ProxyFailure) {
            settings.files = try www.map { folder throws(ProxyFailure) in try StaticFiles(folder) }
        } catch {
            throw CommandFailure("\(error)")
        }
        return settings
    }
}
