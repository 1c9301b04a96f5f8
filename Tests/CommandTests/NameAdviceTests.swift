import Balancing
import Base
import Glibc
import Status
import TestSupport
import Testing

@testable import portico

/// What is said where names or ports are not to be had.
@Suite("Advice about names and ports") struct NameAdviceTests {
    private func refusal(_ code: Int32, root: Bool = false, _ settings: [String: String] = [:]) -> String {
        NamespaceRefusal(SystemError("make a namespace", code: code), isRoot: root) { settings[$0] }.description
    }

    @Test("Why a program has no names says which setting would let it")
    func refusals() {
        let clone = "/proc/sys/kernel/unprivileged_userns_clone"
        let armour = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
        #expect(refusal(EPERM, root: true, [clone: "0"]).contains("SYS_ADMIN"))
        #expect(refusal(EPERM, [clone: "0"]).hasSuffix("'sudo sysctl kernel.unprivileged_userns_clone=1' allows it"))
        #expect(refusal(EACCES, [clone: "1", armour: "1"]).hasSuffix("restrict_unprivileged_userns=0' allows it"))
        #expect(refusal(EPERM).contains("as in most containers"))
        #expect(refusal(ENOSPC, ["/proc/sys/user/max_user_namespaces": "0"]).contains("user.max_user_namespaces="))
        #expect(refusal(ENOSPC) == "cannot make a namespace: No space left on device")
    }

    private func service(_ wanted: UInt16, at listening: UInt16?) -> ServedService {
        let id = ServicePortID(ServicePortName(namespace: "shop", service: "web", port: "http"), .tcp)
        func address(_ port: UInt16) -> EndpointAddress { EndpointAddress(ip: IPAddress(v4: 0x7F40_0001), port: port) }
        let door = DoorStatus(wanted: address(wanted), listening: listening.map(address), problem: nil)
        return ServedService(ports: [PortStatus(id: id, doors: [door])])
    }

    @Test("Only low ports that have another number, and only where this process may not listen there")
    func lowPorts() {
        let ordinary = LowPorts(firstOpen: 1024, program: "/opt/portico")
        let advice = ordinary.advice([service(443, at: 8443), service(80, at: 8080), service(80, at: 8081)])
        #expect(advice?.hasPrefix("ports below 1024 (80, 443) would") == true)
        #expect(advice?.contains("+ep /opt/portico'") == true && advice?.hasSuffix("port_start=80'") == true)
        for other in [service(80, at: 80), service(80, at: nil), service(9000, at: 9001)] {
            #expect(ordinary.advice([other]) == nil)
        }
        #expect(LowPorts(firstOpen: nil, program: "").advice([service(80, at: 8080)]) == nil)
        #expect(LowPorts(firstOpen: 80, program: "").advice([service(81, at: 8081)]) == nil)
        let many = (1...9).map { service($0, at: $0 + 8000) }
        #expect(ordinary.advice(many)?.contains("(1, 2, 3, 4, 5, …)") == true)
    }
}
