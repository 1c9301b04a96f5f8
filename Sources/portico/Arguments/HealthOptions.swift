import ArgumentParser
import Base

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
