import Base
import Redirect
import TestSupport
import Testing

@Suite("Which iptables a host uses")
struct IptablesTests {
    private static let hint = "*mangle\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT"

    private func host(nft: String?, legacy: String?) throws -> FakeHost {
        let host = try FakeHost()
        for (kind, text) in [("nft", nft), ("legacy", legacy)] {
            guard let text else { continue }
            try host.answer("iptables-\(kind)-save", "echo '\(text)'")
            try host.answer("iptables-\(kind)-restore", "echo 'iptables-restore v1.8.9 (\(kind))'")
        }
        return host
    }

    @Test(
        "The kubelet's hint counts before rules, rules before nothing",
        arguments: [
            (nil, nil, nil), ("", nil, nil), ("", "", nil), ("", hint, .legacy), (hint, "-A A\n-A B", .nft),
            ("-A A", "-A A\n-A B", .legacy), ("-A A", "", .nft),
        ] as [(String?, String?, Iptables.Variant?)])
    func variant(_ nft: String?, _ legacy: String?, _ expected: Iptables.Variant?) throws {
        let host = try host(nft: nft, legacy: legacy)
        #expect(try Iptables.find(searchPath: [host.folder.path]).variant == expected)
    }

    @Test("Nothing installed, or something too old")
    func unusable() throws {
        let folder = try TemporaryDirectory()
        #expect(throws: RedirectError.notInstalled(program: "iptables-restore")) {
            try Iptables.find(searchPath: [folder.path])
        }
        let host = try FakeHost()
        try host.answer("iptables-restore", "echo 'iptables-restore v1.6.1'")
        #expect(throws: RedirectError.tooOld(program: "iptables-restore", version: "1.6.1")) {
            try Iptables.find(searchPath: [host.folder.path])
        }
        #expect(
            RedirectError.tooOld(program: "iptables-restore", version: "1.6.1").description
                == "iptables-restore 1.6.1 is too old: please install iptables 1.6.2 or newer")
    }
}
