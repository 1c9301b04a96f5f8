import Redirect
import TestSupport
import Testing

@Suite("Clean-up")
struct CleanupTests {
    @Test("All that the modes of kube-proxy leave, and only what is there")
    func everything() throws {
        let host = try FakeHost()
        try host.save("*nat\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A OUTPUT -j KUBE-SERVICES\nCOMMIT")
        try host.answer("ip6tables-save", "exit 0")
        let note = "echo \"$(basename $0) $*\" >> $HOME_OF_FAKES/calls"
        try host.answer(
            "nft",
            "\(note); case \"$*\" in 'list tables ip') echo 'table ip kube-proxy';; 'list tables'*) echo 'table ip6 kube-proxy-x';; esac"
        )
        try host.answer("ip", note)
        try host.answer("ipvsadm", note)
        let report = Cleanup.run(searchPath: [host.folder.path])
        #expect(report.errors.isEmpty)
        #expect(
            report.removed == [
                "chains of iptables", "nftables table ip kube-proxy",
                "IPVS virtual servers and the interface kube-ipvs0",
            ])
        #expect(
            try host.log() == """
                iptables-save 
                iptables-restore -w 5 --noflush
                *nat
                :KUBE-SERVICES - [0:0]
                -D OUTPUT -j KUBE-SERVICES
                -X KUBE-SERVICES
                COMMIT

                """)
        #expect(
            try read(host.folder.file("calls")) == """
                ip -4 rule show
                ip -4 rule show
                ip -4 route show table 8192
                ip -6 rule show
                ip -6 rule show
                ip -6 route show table 8192
                nft list tables ip
                nft delete table ip kube-proxy
                nft list tables ip6
                ip link show kube-ipvs0
                ipvsadm --clear
                ip link delete kube-ipvs0

                """)
    }

    @Test("It goes on after errors, and tells of them")
    func errors() throws {
        let host = try FakeHost()
        try host.answer("iptables-save", "echo broken >&2; exit 1")
        try host.answer("nft", "case $1 in list) echo table $3 kube-proxy;; delete) echo busy >&2; exit 1;; esac")
        let report = Cleanup.run(searchPath: [host.folder.path])
        #expect(report.removed.isEmpty)
        #expect(
            report.errors.map(\.description) == [
                "iptables-save ended with status 1: broken",
                "cannot find ip6tables-save: please install the package iptables (Debian, Ubuntu: apt-get install iptables)",
                "nft ended with status 1: busy", "nft ended with status 1: busy",
            ])
    }
}
