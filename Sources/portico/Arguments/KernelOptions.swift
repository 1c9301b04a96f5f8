import ArgumentParser
import Host

/// What the daemon sets in the kernel around it. Names and defaults are those of kube-proxy; 0 leaves a setting as it
/// is.
struct KernelOptions: ParsableArguments {
    @Option(help: "Tracked connections per processor; 0 leaves the kernel's limit.")
    var conntrackMaxPerCore = 32_768

    @Option(help: "Tracked connections in all, at least.")
    var conntrackMin = 131_072

    @Option(
        help: ArgumentHelp("How long silent TCP connections are tracked. (default: 24h)", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var conntrackTcpTimeoutEstablished = DurationArgument(.seconds(86_400))

    @Option(
        help: ArgumentHelp("How long half-closed ones are. (default: 1h)", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var conntrackTcpTimeoutCloseWait = DurationArgument(.seconds(3_600))

    @Option(
        help: ArgumentHelp("How long UDP flows without an answer are tracked.", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var conntrackUdpTimeout = DurationArgument(.zero)

    @Option(
        help: ArgumentHelp("How long UDP flows with answers are tracked.", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var conntrackUdpTimeoutStream = DurationArgument(.zero)

    @Flag(help: "Track packets outside of a connection's window as valid.")
    var conntrackTcpBeLiberal = false

    @Option(help: "How early the kernel kills this process when memory is short: -1000 (never) to 1000.")
    var oomScoreAdj = -999

    @Option(help: .hidden)
    var kernelRoot = "/"

    func validate() throws {
        guard conntrackMaxPerCore >= 0 else { throw ValidationError("--conntrack-max-per-core is below 0") }
        guard conntrackMin >= 0 else { throw ValidationError("--conntrack-min is below 0") }
        guard (-1000...1000).contains(oomScoreAdj) else {
            throw ValidationError("--oom-score-adj takes a number from -1000 to 1000")
        }
    }

    var settings: KernelSettings {
        KernelSettings(
            conntrackMaxPerCore: conntrackMaxPerCore, conntrackMin: conntrackMin,
            tcpEstablishedTimeout: conntrackTcpTimeoutEstablished.duration,
            tcpCloseWaitTimeout: conntrackTcpTimeoutCloseWait.duration, tcpBeLiberal: conntrackTcpBeLiberal,
            udpTimeout: conntrackUdpTimeout.duration, udpStreamTimeout: conntrackUdpTimeoutStream.duration,
            oomScoreAdj: oomScoreAdj)
    }
}
