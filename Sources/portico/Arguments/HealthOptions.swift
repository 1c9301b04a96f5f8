import ArgumentParser
import Base

/// Where others ask whether all is well.
struct HealthOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where /healthz and /livez are answered; empty for nowhere. (default: 0.0.0.0:10256)",
            valueName: "address:port"),
        transform: { try BindAddressArgument($0, port: BindAddressArgument.healthPort) })
    var healthzBindAddress = BindAddressArgument.standardHealth

    @Flag(
        help:
            "End if health checks cannot be answered, or metrics served, because something else has the port, instead of trying again."
    )
    var bindAddressHardFail = false

    @Option(
        help: ArgumentHelp(
            "A file that is there while this process serves.",
            discussion: "During a --takeover two processes have the same ports, and this tells which of them is ready.",
            valueName: "path"),
        completion: .file())
    var readyFile: String?

    @Option(help: .hidden) var healthzPort: UInt16?

    func validate() throws {
        guard readyFile != "" else { throw ValidationError("--ready-file is empty: name the path of a file") }
    }

    /// Of `/healthz`; nil for none.
    var address: EndpointAddress? {
        guard let port = healthzPort else { return healthzBindAddress.address }
        return port == 0 ? nil : healthzBindAddress.address(withPort: port)
    }
}
