import ArgumentParser

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
            "Once another process has taken over, do not end before a signal to end.",
            discussion: "For whoever would start this one again, such as the kubelet."))
    var takeoverStay = false

    @Flag(
        help: ArgumentHelp(
            "If the process to take over from does not answer for 10 seconds, kill it.",
            discussion: "Its open connections are lost, and so are clients that wait to be accepted."))
    var takeoverForce = false

    @Flag(help: "Take over even with nothing to serve, or when not all of it can be read.")
    var allowEmpty = false

    func validate() throws {
        guard takeover != "" else { throw ValidationError("--takeover is empty: name the path of a socket") }
        guard takeover != nil || !(takeoverForce || takeoverStay || takeoverDrainTimeout != nil) else {
            throw ValidationError("--takeover-force, --takeover-stay and --takeover-drain-timeout are for --takeover")
        }
    }
}
