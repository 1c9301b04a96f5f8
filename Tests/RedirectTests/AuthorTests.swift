import Base
import TestSupport
import Testing

@testable import Redirect

/// Who has changed the rules, as the kernel's own news and counts tell it.
@Suite(
    "Own changes and others'", .timeLimit(.minutes(1)),
    .requires(.root, .networkNamespaces, .tool("ip"), .tool("iptables-nft")))
struct AuthorTests {
    @Sendable private func rules(_ count: Int, _ port: Int) -> String {
        let lines = (0..<count).map {
            "-A KUBE-PORTALS-HOST -d 10.\(96 + $0 / 65536).\($0 / 256 % 256).\($0 % 256)/32 -p tcp -j REDIRECT --to-ports \(port)"
        }
        return (["*nat", ":KUBE-PORTALS-HOST - [0:0]"] + lines + ["COMMIT", ""]).joined(separator: "\n")
    }

    @Test("10,000 lines of one's own are nobody else's, however much of the news is lost; one line of another's is")
    func authors() async throws {
        let (iptables, rules) = (Iptables(variant: .nft), self.rules)
        let watch = try await OwnResources.inOwnNetwork(ports: 32768...60999) {
            let watch = FirewallWatch(.nft)
            let generation = try #require(watch.generation)
            let firewall = Firewall(iptables: iptables, family: .ipv4, generation: generation)
            for round in 1...3 {
                watch.ownChangeBegins()
                try firewall.restore(rules(10_000, 4000 + round))
                try firewall.restore(rules(1, 5000 + round))
                watch.ownChangeEnds(hasWritten: true)
            }
            // It is told after all of that.
            try OwnResources.run("iptables-nft", "-t nat -F KUBE-PORTALS-HOST")
            return watch
        }
        #expect(await eventually { watch.count.byOthers > 0 })
        #expect(watch.count.byOthers == 1)
    }
}
