import ArgumentParser

/// The rules that lead traffic here.
struct RuleOptions: ParsableArguments {
    enum Redirection: String, ExpressibleByArgument, CaseIterable {
        case iptables, none
    }

    @Option(help: "How traffic gets here: by iptables, or not at all, which leaves node ports and health checks.")
    var redirect = Redirection.iptables

    @Option(
        help: ArgumentHelp(
            "How often the rules are checked, and what failed is tried again, at least. (default: 30s)",
            valueName: "duration"),
        transform: { try DurationArgument($0) })
    var iptablesSyncPeriod = DurationArgument(.seconds(30))

    @Option(
        help: ArgumentHelp(
            "How long changes of the rules are apart at least, but for the first two; 0 for no limit. (default: 1s)",
            valueName: "duration"),
        transform: { try DurationArgument($0) })
    var iptablesMinSyncPeriod = DurationArgument(.seconds(1))

    @Flag(help: "Remove all rules of this program and of a kube-proxy in any mode, and end.")
    var cleanup = false

    @Flag(help: "Remove all rules of this program, leave those of a kube-proxy that serves instead, and end.")
    var cleanupOwn = false

    @Flag(help: "Remove the rules at the end, before open connections are waited for.")
    var cleanupOnExit = false

    func validate() throws {
        guard iptablesSyncPeriod.duration > .zero else {
            throw ValidationError("--iptables-sync-period has to be above 0")
        }
        guard iptablesMinSyncPeriod.duration <= iptablesSyncPeriod.duration else {
            throw ValidationError("--iptables-min-sync-period is above --iptables-sync-period")
        }
    }
}
