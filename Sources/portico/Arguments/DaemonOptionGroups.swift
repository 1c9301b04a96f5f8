import ArgumentParser
import Base

// What only `daemon` has, by its use, as `--help` shows it.

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

/// How a daemon ends, and another one takes its place.
struct SuccessionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long open connections may take to end after a signal to end. (default: 25s)", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var drainTimeout = DurationArgument(.seconds(25))

    @Option(
        help: ArgumentHelp(
            "Take over from the daemon that offers its sockets at this Unix socket, if there is one; then offer them here.",
            discussion: "So one process follows another without a client noticing: see docs/hot-restart.md.",
            valueName: "path"),
        completion: .file())
    var takeover: String?

    @Option(
        help: ArgumentHelp(
            "How long open connections may take to end once another process has taken over. (default: no limit)",
            discussion: "A signal in that time begins the --drain-timeout.", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var takeoverDrainTimeout: DurationArgument?

    @Flag(
        help: ArgumentHelp(
            "If the process to take over from does not answer for 10 seconds, kill it.",
            discussion: "Its open connections are lost, and so are clients that wait to be accepted."))
    var takeoverForce = false

    @Flag(help: "Take over even with nothing to serve, or when not all of it can be read.")
    var allowEmpty = false

    func validate() throws {
        guard takeover != "" else { throw ValidationError("--takeover is empty: name the path of a socket") }
        guard takeover != nil || !takeoverForce, takeover != nil || takeoverDrainTimeout == nil else {
            throw ValidationError("--takeover-force and --takeover-drain-timeout are for --takeover")
        }
    }
}

/// Where others ask whether all is well.
struct HealthOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where /healthz and /livez are answered; empty for nowhere. (default: 0.0.0.0:10256)",
            valueName: "address:port"),
        transform: { try HealthAddressArgument($0) })
    var healthzBindAddress = HealthAddressArgument.standard

    @Flag(help: "End if health checks cannot be answered because something else has the port, instead of trying again.")
    var bindAddressHardFail = false

    @Option(help: .hidden) var healthzPort: UInt16?

    /// Of `/healthz`; nil for none.
    var address: EndpointAddress? {
        guard let port = healthzPort else { return healthzBindAddress.address }
        return port == 0 ? nil : healthzBindAddress.address(withPort: port)
    }
}
