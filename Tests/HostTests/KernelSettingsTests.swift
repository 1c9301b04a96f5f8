import Foundation
import Glibc
import TestSupport
import Testing

@testable import Host

/// Against a folder that looks like a kernel's.
@Suite(.timeLimit(.minutes(1))) struct KernelSettingsTests {
    private let kernel: TemporaryDirectory

    private static let netfilter = "proc/sys/net/netfilter/"
    private static let hashsize = "sys/module/nf_conntrack/parameters/hashsize"

    init() throws {
        kernel = try TemporaryDirectory(readableByAll: true)
        let files = [
            "nf_conntrack_max": "65536", "nf_conntrack_tcp_timeout_established": "432000",
            "nf_conntrack_tcp_timeout_close_wait": "60", "nf_conntrack_tcp_be_liberal": "0",
            "nf_conntrack_udp_timeout": "30", "nf_conntrack_udp_timeout_stream": "120",
        ]
        for (name, value) in files { try kernel.write(value + "\n", to: Self.netfilter + name) }
        try kernel.write("16384\n", to: Self.hashsize)
        try kernel.write("0\n", to: "proc/self/oom_score_adj")
        try kernel.write("1\n", to: "proc/sys/net/ipv4/ip_forward")
        try kernel.write("1\n", to: "proc/sys/net/ipv6/conf/all/forwarding")
        try kernel.write("0-3,8\n", to: "sys/devices/system/cpu/online")
    }

    private func value(_ path: String) throws -> String {
        try String(decoding: contents(of: kernel.file(path)).utf8.filter { $0 > 0x20 }, as: UTF8.self)
    }

    private func netfilter(_ name: String) throws -> String { try value(Self.netfilter + name) }

    @Test func theDefaultsAreThoseOfKubeProxy() throws {
        #expect(KernelSettings().apply(root: kernel.path).isEmpty)
        // Five processors are in sysfs.
        #expect(try netfilter("nf_conntrack_max") == "163840")
        #expect(try value(Self.hashsize) == "40960")
        #expect(try netfilter("nf_conntrack_tcp_timeout_established") == "86400")
        #expect(try netfilter("nf_conntrack_tcp_timeout_close_wait") == "3600")
        #expect(try value("proc/self/oom_score_adj") == "-999")
        // Left as they were.
        #expect(try netfilter("nf_conntrack_tcp_be_liberal") == "0")
        #expect(try netfilter("nf_conntrack_udp_timeout") == "30")
        #expect(try netfilter("nf_conntrack_udp_timeout_stream") == "120")
    }

    @Test func whatIsAskedForIsWritten() throws {
        let settings = KernelSettings(
            tcpEstablishedTimeout: .seconds(7200), tcpBeLiberal: true, udpTimeout: .seconds(10),
            udpStreamTimeout: .seconds(20), oomScoreAdj: 5)
        #expect(settings.apply(root: kernel.path, cpus: 1).isEmpty)
        #expect(try netfilter("nf_conntrack_tcp_timeout_established") == "7200")
        #expect(try netfilter("nf_conntrack_tcp_be_liberal") == "1")
        #expect(try netfilter("nf_conntrack_udp_timeout") == "10")
        #expect(try netfilter("nf_conntrack_udp_timeout_stream") == "20")
        #expect(try value("proc/self/oom_score_adj") == "5")
    }

    @Test("Times of less than a second leave things as they are, as zero does")
    func shortTimes() throws {
        let settings = KernelSettings(
            tcpEstablishedTimeout: .milliseconds(999), tcpCloseWaitTimeout: .milliseconds(1), udpTimeout: .seconds(1),
            udpStreamTimeout: .milliseconds(1999))
        #expect(settings.apply(root: kernel.path).isEmpty)
        #expect(try netfilter("nf_conntrack_tcp_timeout_established") == "432000")
        #expect(try netfilter("nf_conntrack_tcp_timeout_close_wait") == "60")
        #expect(try netfilter("nf_conntrack_udp_timeout") == "1" && netfilter("nf_conntrack_udp_timeout_stream") == "1")
    }

    @Test("A file that has no number is written, and one that this kernel lacks is a note")
    func oddFiles() throws {
        try kernel.write("unknown\n", to: Self.netfilter + "nf_conntrack_max")
        kernel.remove("proc/self/oom_score_adj")
        let notes = KernelSettings().apply(root: kernel.path + "/")
        #expect(try netfilter("nf_conntrack_max") == "163840")
        #expect(
            notes.map(\.description) == [
                "the rank when memory is short (/proc/self/oom_score_adj): it is not there; nothing can be done about it "
                    + "on this kernel"
            ])
        #expect(access(kernel.file("proc/self/oom_score_adj"), F_OK) != 0, "no file is made")
    }

    @Test func zeroLeavesThingsAsTheyAre() throws {
        let settings = KernelSettings(
            conntrackMaxPerCore: 0, tcpEstablishedTimeout: .zero, tcpCloseWaitTimeout: .zero, oomScoreAdj: 0)
        #expect(settings.apply(root: kernel.path).isEmpty)
        #expect(try netfilter("nf_conntrack_max") == "65536")
        #expect(try value(Self.hashsize) == "16384")
        #expect(try netfilter("nf_conntrack_tcp_timeout_established") == "432000")
        #expect(try netfilter("nf_conntrack_tcp_timeout_close_wait") == "60")
    }

    @Test(arguments: [
        (32_768, 131_072, 1, 131_072), (32_768, 131_072, 4, 131_072), (32_768, 131_072, 5, 163_840),
        (32_768, 131_072, 32, 1_048_576), (32_768, 131_072, 33, 1_048_576),
        // The limit comes before the minimum.
        (32_768, 2_000_000, 32, 2_000_000), (32_768, 2_000_000, 64, 1_048_576), (.max, 0, 2, 1_048_576),
    ])
    func conntrackMax(_ perCore: Int, _ minimum: Int, _ cpus: Int, _ expected: Int) {
        let settings = KernelSettings(conntrackMaxPerCore: perCore, conntrackMin: minimum)
        #expect(settings.conntrackMax(cpus: cpus) == expected)
    }

    @Test func aLargerTableIsNotMadeSmaller() throws {
        try kernel.write("1000000\n", to: Self.hashsize)
        #expect(KernelSettings().apply(root: kernel.path).isEmpty)
        #expect(try value(Self.hashsize) == "1000000")
    }

    @Test func whatIsRightAlreadyIsNotWritten() throws {
        _ = KernelSettings().apply(root: kernel.path)
        for path in [Self.netfilter + "nf_conntrack_max", "proc/self/oom_score_adj", Self.hashsize] {
            // A write would take the blank away.
            try kernel.write(try value(path) + " \n", to: path)
        }
        #expect(KernelSettings().apply(root: kernel.path).isEmpty)
        #expect(try contents(of: kernel.file("proc/self/oom_score_adj")) == "-999 \n")
        #expect(try contents(of: kernel.file(Self.hashsize)).hasSuffix(" \n"))
    }

    @Test func withoutConnectionTrackingEachSettingIsANote() throws {
        kernel.remove("proc/sys/net/netfilter")
        kernel.remove("sys/module")
        let notes = KernelSettings().apply(root: kernel.path)
        #expect(notes.count == 4)
        #expect(
            notes.first?.description
                == "the most connections that are tracked (/proc/sys/net/netfilter/nf_conntrack_max): it is not there: "
                + "connection tracking is not in the kernel; load it with modprobe nf_conntrack")
        #expect(try value("proc/self/oom_score_adj") == "-999", "and the rest is done")
    }

    @Test(.requires(.ordinaryUser)) func whatIsNotPermittedIsANoteUnlessItIsRightAnyway() async throws {
        await #expect(processExitsWith: .success) {
            let kernel = try TemporaryDirectory(readableByAll: true)
            try kernel.write("1\n", to: "proc/self/oom_score_adj")
            try OrdinaryUser.become()
            let settings = KernelSettings(
                conntrackMaxPerCore: 0, tcpEstablishedTimeout: .zero, tcpCloseWaitTimeout: .zero, oomScoreAdj: -999)
            #expect(
                settings.apply(root: kernel.path).map(\.description) == [
                    "the rank when memory is short (/proc/self/oom_score_adj): that is not permitted; run as root, or set "
                        + "it to -999 on the node itself"
                ])
            var right = settings
            right.oomScoreAdj = 1
            #expect(right.apply(root: kernel.path).isEmpty)
        }
    }

    @Test("Ports to listen on are kept from clients, and those that others keep stay kept")
    func reservedPorts() throws {
        let (range, reserved) = ("proc/sys/net/ipv4/ip_local_port_range", "proc/sys/net/ipv4/ip_local_reserved_ports")
        try kernel.write("1024\t65535\n", to: range)
        try kernel.write("8080,20000-20010\n", to: reserved)
        var settings = KernelSettings()
        settings.listenedPorts = [18_000...29_999, 30_000...32_767]
        #expect(settings.apply(root: kernel.path).isEmpty)
        #expect(try value(reserved) == "8080,18000-32767")
        // A second process finds it done, also where the kernel writes it in another way.
        try kernel.write("8080-8080,18000-29999,30000-32767 \n", to: reserved)
        #expect(settings.apply(root: kernel.path).isEmpty)
        #expect(try contents(of: kernel.file(reserved)).hasSuffix(" \n"))
        // Where clients get others, or nobody knows which, nothing is to be done.
        for clients in ["32768\t60999", "nonsense", ""] {
            try kernel.write(clients + "\n", to: range)
            try kernel.write("\n", to: reserved)
            #expect(settings.apply(root: kernel.path).isEmpty)
            #expect(try value(reserved) == "")
        }
        // Of a range of which clients get a part, that part is kept from them.
        try kernel.write("32000\t60999\n", to: range)
        #expect(settings.apply(root: kernel.path).isEmpty)
        #expect(try value(reserved) == "32000-32767")
    }

    @Test("Ports that cannot be kept from clients are told in the words of the kernel")
    func unreservedPorts() throws {
        let (range, reserved) = ("proc/sys/net/ipv4/ip_local_port_range", "proc/sys/net/ipv4/ip_local_reserved_ports")
        try kernel.write("1024\t65535\n", to: range)
        kernel.remove(reserved)
        try kernel.write("x", to: reserved + "/folder")
        var settings = KernelSettings()
        settings.listenedPorts = [18_000...29_999, 30_000...32_767, 40_000...40_000]
        let note = try #require(settings.apply(root: kernel.path).first)
        #expect(note.what == "the ports that clients do not get")
        #expect(note.advice.contains("18000-32767,40000") || note.reason.contains("18000-32767,40000"), "\(note)")
    }

    @Test("Clients are left ports to connect from, and a list that is longer than the kernel takes is left alone")
    func reservingTooMuch() throws {
        let (range, reserved) = ("proc/sys/net/ipv4/ip_local_port_range", "proc/sys/net/ipv4/ip_local_reserved_ports")
        try kernel.write("32768\t60999\n", to: range)
        try kernel.write("8080\n", to: reserved)
        var settings = KernelSettings()
        settings.listenedPorts = [1024...60_000]
        var notes = settings.apply(root: kernel.path)
        #expect(notes.count == 1 && notes[0].reason.contains("clients would have 999 ports"), "\(notes)")
        #expect(try value(reserved) == "8080")

        // Odd ports only, which no range says in fewer words.
        let many = stride(from: 1, to: 2000, by: 2).map { "\($0)" }.joined(separator: ",")
        try kernel.write(many + "\n", to: reserved)
        settings.listenedPorts = [40_000...41_000]
        notes = settings.apply(root: kernel.path)
        #expect(notes.count == 1 && notes[0].advice.contains("40000-41000"), "\(notes)")
        #expect(try value(reserved) == many)
    }

    @Test func forwardingThatIsOffIsToldAndLeftOff() throws {
        try kernel.write("0\n", to: "proc/sys/net/ipv4/ip_forward")
        let notes = KernelSettings().apply(root: kernel.path)
        #expect(notes.map(\.path) == ["/proc/sys/net/ipv4/ip_forward"])
        #expect(notes.first?.what == "forwarding of IPv4")
        #expect(try value("proc/sys/net/ipv4/ip_forward") == "0")
        // A family that is not there is nobody's concern.
        kernel.remove("proc/sys/net/ipv6")
        #expect(KernelSettings().apply(root: kernel.path).count == 1)
    }

    @Test(arguments: [("0", 1), ("0-1", 2), ("0-3,8,10-11", 7)])
    func processorsAreCountedFromTheirList(_ list: String, _ count: Int) {
        #expect(CPUTopology.count(of: list) == count)
    }

    @Test(arguments: ["x", "3-1", "1-2-3", "1,-"]) func whatIsNoListIsNoCount(_ text: String) {
        #expect(CPUTopology.count(of: text) == nil)
    }

    @Test func thisMachineHasProcessors() {
        #expect(CPUTopology.count() >= 1)
        #expect(CPUTopology.count(root: kernel.path + "/nowhere") >= 1)
    }
}

private func contents(of path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
}
