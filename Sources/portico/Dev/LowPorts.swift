import Base
import Glibc
import Host
import Status

/// Says what would let ports below 1024 keep their numbers, where this process may not listen there.
struct LowPorts {
    /// The first port that everybody may listen on; nil if this process may listen on all.
    let firstOpen: UInt16?
    /// Of the program that runs.
    let program: String

    init(firstOpen: UInt16?, program: String) {
        self.firstOpen = firstOpen
        self.program = program
    }

    init() {
        let setting = (try? KernelFile.read("/proc/sys/net/ipv4/ip_unprivileged_port_start").get()).flatMap(UInt16.init)
        self.init(
            firstOpen: Privilege.netBindService.isInForce ? nil : setting ?? 1024,
            program: ProcessImage.path ?? "portico")
    }

    /// One line, if it concerns any of these.
    func advice(_ services: some Sequence<ServedService>) -> String? {
        guard let firstOpen else { return nil }
        let ports = Set(
            services.flatMap(\.ports).flatMap(\.doors).filter { $0.isRemapped && $0.wanted.port < firstOpen }
                .map(\.wanted.port)
        ).sorted()
        guard let lowest = ports.first else { return nil }
        let numbers = ports.prefix(5).map { "\($0)" }.joined(separator: ", ")
        return "ports below \(firstOpen) (\(numbers)\(ports.count > 5 ? ", …" : "")) would keep their numbers after "
            + "'sudo setcap cap_net_bind_service=+ep \(program)', or for all programs after "
            + "'sudo sysctl net.ipv4.ip_unprivileged_port_start=\(lowest)'"
    }
}
