import Base
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite struct NetworkInterfacesTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func theDefaultRouteTellsWhichAddressOthersUse() throws {
        var network = NetworkInterfaces(addresses: [
            .init("lo", try address("127.0.0.1")), .init("tun0", try address("10.8.0.2"), isPointToPoint: true),
            .init("cni0", try address("10.244.2.1")), .init("eth1", try address("192.168.58.4")),
            .init("eth1", try address("fe80::1")), .init("eth1", try address("fd00:58::4")),
            .init("eth2", try address("192.168.9.9"), isUp: false),
        ])
        #expect(network.primary(.ipv4) == (try address("10.244.2.1")), "any that is no tunnel")
        network.defaultRoutes = [.ipv4: ["eth2", "eth1"], .ipv6: ["eth1"]]
        #expect(network.primary(.ipv4) == (try address("192.168.58.4")), "an interface that is down has no route")
        #expect(network.primary(.ipv6) == (try address("fd00:58::4")), "link-local addresses do not count")
        #expect(network.local(.ipv4).count == 4)
        #expect(NetworkInterfaces().primary(.ipv4) == nil)
    }

    @Test("Interfaces that hold the addresses of Services make none of them an address of this machine")
    func others() throws {
        let network = NetworkInterfaces(addresses: [
            .init("kube-ipvs0", try address("10.96.0.1")), .init("nodelocaldns", try address("10.96.0.10")),
            .init("tun0", try address("10.8.0.2"), isPointToPoint: true), .init("lo", try address("127.0.0.1")),
            .init("eth0", try address("169.254.7.7")), .init("eth0", try address("192.0.2.1"), isUp: false),
        ])
        #expect(network.local(.ipv4) == [try address("10.8.0.2"), try address("127.0.0.1")])
        #expect(network.primary(.ipv4) == nil, "neither a tunnel nor loopback nor a link's own")
        var routed = network
        routed.defaultRoutes = [.ipv4: ["kube-ipvs0", "tun0"]]
        #expect(routed.primary(.ipv4) == (try address("10.8.0.2")), "unless all traffic goes there")
    }

    @Test("Tables that are no tables have no routes, and a machine without them has none")
    func noTables() throws {
        for text in [
            "", "x", "Iface\neth0", "Iface\neth0 00000000 0 3 0 0", "h\neth0 00000000 0 3 0 0 1 FF000000 0 0 0",
        ] {
            #expect(NetworkInterfaces.defaultRoutes(ipv4: text) == [], "\(text)")
        }
        #expect(NetworkInterfaces.defaultRoutes(ipv6: "0 00 0 00 0") == [])
        let folder = try TemporaryDirectory()
        #expect(try NetworkInterfaces.current(root: folder.path + "/").defaultRoutes == [.ipv4: [], .ipv6: []])
        try folder.write("I D G F R U M M\neth7 00000000 0 3 0 0 1 00000000\n", to: "proc/net/route")
        #expect(try NetworkInterfaces.current(root: folder.path + "/").defaultRoutes[.ipv4] == ["eth7"])
    }

    @Test func theKernelsRoutingTablesAreRead() {
        let table = """
            Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
            wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
            eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
            eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
            """
        #expect(NetworkInterfaces.defaultRoutes(ipv4: table) == ["eth0", "wlan0"], "the lower metric is preferred")
        let zeros = String(repeating: "0", count: 32)
        let six = """
            fd000058000000000000000000000000 40 \(zeros) 00 \(zeros) 00000100 00000001 00000000 00000001     eth0
            \(zeros) 00 \(zeros) 00 fe80000000000000000000000000000a 00000400 00000001 00000000 00450003     eth0
            \(zeros) 00 \(zeros) 00 \(zeros) ffffffff 00000001 00000000 00200200       lo
            """
        #expect(NetworkInterfaces.defaultRoutes(ipv6: six) == ["eth0"])
        #expect(NetworkInterfaces.defaultRoutes(ipv4: "").isEmpty)
    }

    @Test("Without a descriptor to look with that is an error, and not a machine without addresses")
    func noDescriptors() async {
        await #expect(processExitsWith: .success) {
            var (before, none) = (rlimit(), rlimit())
            let which = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            getrlimit(which, &before)
            none.rlim_max = before.rlim_max
            setrlimit(which, &none)
            let looked = Result { try NetworkInterfaces.current() }
            setrlimit(which, &before)
            #expect(throws: SystemError.self) { try looked.get() }
        }
    }

    @Test func thisMachineHasLoopback() throws {
        #expect(try NetworkInterfaces.current().local(.ipv4).contains(try address("127.0.0.1")))
    }
}
