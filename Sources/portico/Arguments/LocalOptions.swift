import ArgumentParser
import Base
import Proxy

/// What serves Services in place of their pods: processes of this machine, or Portico itself.
struct LocalOptions: ParsableArguments {
    @Option(
        name: .customLong("local"),
        help: ArgumentHelp(
            "Have a process of this machine serve a port of a Service for as long as it listens; repeatable.",
            discussion: """
                The Service stays at its address and under its name. Without '=' it is served by what the command behind \
                -- listens on. A host that is not this machine's is always used.
                """,
            valueName: "[ns/]name[:port][=[host:]port]"),
        transform: { try LocalArgument($0) })
    var locals: [LocalArgument] = []

    @Option(
        help: ArgumentHelp(
            "Who has the clients of a --local that does not listen: its endpoints, or nobody (refuse).",
            discussion: "(default: endpoints)", valueName: "endpoints|refuse"),
        transform: { text in
            guard let fallback = LocalFallback(rawValue: text) else {
                throw ArgumentError("'\(text)' is neither endpoints nor refuse")
            }
            return fallback
        })
    var localFallback: LocalFallback?

    @Option(
        help: ArgumentHelp(
            "Let small HTTP and UDP servers inside this process play the pods; all without a value.",
            discussion: """
                Those that Deployments, StatefulSets, DaemonSets, ReplicaSets and Jobs would have, those that are in the \
                manifests, and one for each Service that nothing describes pods for. 'missing' plays only the pods of \
                Services that nobody else serves.
                """,
            valueName: "all|missing|none"))
    var demoPods: DemoPodsArgument?

    func validate() throws {
        guard localFallback == nil || !locals.isEmpty else {
            throw ValidationError("--local-fallback is about --local, which is missing")
        }
        var known: Set<Substring> = []
        for target in locals.map({ $0.text.prefix { $0 != "=" } }) where !known.insert(target).inserted {
            throw ValidationError("--local: \(target) is given twice")
        }
    }

    /// What cannot be together with the rest of a command line.
    func check(publish: [PublishArgument], command: [String]) throws {
        for local in locals {
            guard case .port(let port, let host) = local.place else {
                guard command.isEmpty else { continue }
                throw ValidationError(
                    "--local \(local.text): no program is run behind --, so name a port: --local \(local.text)=PORT")
            }
            let isTaken = publish.contains { argument in
                guard argument.place.port == port, argument.target.transport == local.transport ?? .tcp else {
                    return false
                }
                switch host {
                case nil: return argument.place.address?.isLoopback ?? true
                case .address(let ip)?: return argument.place.address.map { $0 == ip } ?? ip.isLoopback
                case .name?: return false
                }
            }
            guard !isTaken else {
                throw ValidationError("--local \(local.text): --publish takes port \(port) for Portico itself")
            }
        }
    }
}
