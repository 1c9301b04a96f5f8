import ArgumentParser
import Base

/// Services that no manifest has.
struct LoneServiceOptions: ParsableArguments {
    @Option(
        name: .customLong("service"),
        help: ArgumentHelp(
            "Serve a Service without a manifest; repeatable.",
            discussion: "Endpoints are addresses or DNS names; IPv6 addresses stand in brackets.",
            valueName: "name:port[/udp]=host:port,…"),
        transform: { try ServiceArgument($0) })
    var services: [ServiceArgument] = []

    /// What cannot be together.
    func check(defaultNamespace: String) throws {
        var known: Set<String> = []
        for service in services {
            let key = service.key(defaultNamespace: defaultNamespace)
            let port = "\(key):\(service.port)" + (service.transport == .udp ? "/udp" : "")
            guard known.insert(port).inserted else {
                throw ValidationError("--service: \(port) is given twice; name all of its endpoints at once")
            }
        }
    }
}
