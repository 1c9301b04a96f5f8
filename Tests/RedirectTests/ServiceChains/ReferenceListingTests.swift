import Base
import Redirect
import TestSupport
import Testing

/// The listings of a kube-proxy 1.24 in iptables mode (minikube, three nodes, flannel), and what the kernel says of
/// Portico's rules for the same Services.
@Suite(
    "The listings of a real cluster",
    .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")))
struct ReferenceListingTests {
    static let services = """
        1    KUBE-SVC-NPX46M4PTMTKRN6Y  tcp  --  0.0.0.0/0            10.96.0.1            /* default/kubernetes:https cluster IP */ tcp dpt:443
        2    KUBE-SVC-TCOU7JCQXEZGVUNU  udp  --  0.0.0.0/0            10.96.0.10           /* kube-system/kube-dns:dns cluster IP */ udp dpt:53
        3    KUBE-SVC-ERIFXISQEP7F7OF4  tcp  --  0.0.0.0/0            10.96.0.10           /* kube-system/kube-dns:dns-tcp cluster IP */ tcp dpt:53
        4    KUBE-SVC-JD5MR3NA4I4DYORP  tcp  --  0.0.0.0/0            10.96.0.10           /* kube-system/kube-dns:metrics cluster IP */ tcp dpt:9153
        5    KUBE-SVC-CEZPIJSAUFW5MYPQ  tcp  --  0.0.0.0/0            10.100.128.175       /* kubernetes-dashboard/kubernetes-dashboard cluster IP */ tcp dpt:80
        6    KUBE-SVC-Z6GDYMWE5TV2NNJN  tcp  --  0.0.0.0/0            10.104.59.59         /* kubernetes-dashboard/dashboard-metrics-scraper cluster IP */ tcp dpt:8000
        7    KUBE-SVC-FXIYY6OHUSNBITIX  tcp  --  0.0.0.0/0            10.109.214.77        /* default/my-service cluster IP */ tcp dpt:80
        8    KUBE-NODEPORTS  all  --  0.0.0.0/0            0.0.0.0/0            /* kubernetes service nodeports; NOTE: this must be the last rule in this chain */ ADDRTYPE match dst-type LOCAL
        """
    static let twoEndpoints = """
        1    KUBE-MARK-MASQ  tcp  -- !10.244.0.0/16        10.109.214.77        /* default/my-service cluster IP */ tcp dpt:80
        2    KUBE-SEP-BVVT36TDQ4XITJXY  all  --  0.0.0.0/0            0.0.0.0/0            /* default/my-service -> 10.244.2.3:80 */ statistic mode random probability 0.50000000000
        3    KUBE-SEP-BENFWTFL3RRJWBIC  all  --  0.0.0.0/0            0.0.0.0/0            /* default/my-service -> 10.244.2.4:80 */
        """
    static let threeEndpoints = """
        1    KUBE-MARK-MASQ  tcp  -- !10.244.0.0/16        10.109.214.77        /* default/my-service cluster IP */ tcp dpt:80
        2    KUBE-SEP-WGKLWVVFG4NQGKEX  all  --  0.0.0.0/0            0.0.0.0/0            /* default/my-service -> 10.244.1.3:80 */ statistic mode random probability 0.33333333349
        3    KUBE-SEP-BVVT36TDQ4XITJXY  all  --  0.0.0.0/0            0.0.0.0/0            /* default/my-service -> 10.244.2.3:80 */ statistic mode random probability 0.50000000000
        4    KUBE-SEP-BENFWTFL3RRJWBIC  all  --  0.0.0.0/0            0.0.0.0/0            /* default/my-service -> 10.244.2.4:80 */
        """
    static let endpoint = """
        1    KUBE-MARK-MASQ  all  --  10.244.2.4           0.0.0.0/0            /* default/my-service */
        2    DNAT       tcp  --  0.0.0.0/0            0.0.0.0/0            /* default/my-service */ tcp to:10.244.2.4:80
        """

    @Test("Line for line, with two endpoints and with three", arguments: NamespaceTests.variants)
    func reference(_ variant: Iptables.Variant) async throws {
        for (count, listing) in [(2, Self.twoEndpoints), (3, Self.threeEndpoints)] {
            let namespace = try await Namespace()
            let rules = try ServiceChainExample.rules(try ServiceChainExample.ports(endpoints: count))
            try await namespace.run("iptables-\(variant.rawValue)-restore", "--noflush", input: rules.text)
            func lines(_ chain: String) async throws -> [[String]] {
                Self.words(
                    try await namespace.run(
                        "iptables-\(variant.rawValue)", "-t nat -n --line-numbers -L \(chain)"))
            }
            let services = try await lines("KUBE-SERVICES")
            #expect(services.last == Self.words(Self.services).last)
            // kube-proxy writes Services in the order of a hash table; Portico's are in that of their names.
            #expect(Set(services.map { $0.dropFirst() }) == Set(Self.words(Self.services).map { $0.dropFirst() }))
            #expect(try await lines("KUBE-SVC-FXIYY6OHUSNBITIX") == Self.words(listing))
            #expect(try await lines("KUBE-SEP-BENFWTFL3RRJWBIC") == Self.words(Self.endpoint))
        }
    }

    /// The words of the rules of a listing. Some versions of iptables say `tcp` where others say `6`.
    static func words(_ listing: String) -> [[String]] {
        listing.split(separator: "\n").filter { $0.first?.isNumber == true }.map { line in
            var words = line.split(separator: " ").map(String.init)
            // `-- !10.244.0.0/16` and `--  10.244.0.0/16` are in the same columns.
            let names = ["0": "all", "6": "tcp", "17": "udp"]
            words[2] = names[words[2]] ?? words[2]
            return words
        }
    }
}
