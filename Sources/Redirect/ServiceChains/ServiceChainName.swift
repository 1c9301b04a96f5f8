internal import Balancing
internal import Base

/// The names that kube-proxy's iptables mode gives its chains: of one Service each, and for all.
enum ServiceChainName {
    static let services = "KUBE-SERVICES"
    static let nodePorts = "KUBE-NODEPORTS"
    static let postrouting = "KUBE-POSTROUTING"
    static let markMasquerade = "KUBE-MARK-MASQ"
    static let externalServices = "KUBE-EXTERNAL-SERVICES"
    static let forward = "KUBE-FORWARD"
    static let proxyFirewall = "KUBE-PROXY-FIREWALL"
    /// The kubelet has rules in it too, up to its version 1.26.
    static let firewall = "KUBE-FIREWALL"

    /// Leads to the Cluster list of endpoints, to the Local one, from outside, and past source ranges.
    enum Kind: String {
        case cluster = "SVC"
        case local = "SVL"
        case external = "EXT"
        case firewall = "FW"
    }

    /// What all chains of a service port have in their names. A port without a name adds no colon.
    static func text(_ name: ServicePortName, _ transport: TransportProtocol) -> String {
        "\(name)\(transport.rawValue.lowercased())"
    }

    /// - Parameter hash: of the service port's ``text(_:_:)``.
    static func chain(_ kind: Kind, _ hash: String) -> String { "KUBE-\(kind.rawValue)-\(hash)" }

    /// - Parameters:
    ///   - address: of the endpoint, as text.
    ///   - text: the service port's.
    static func endpoint(_ address: String, of text: String) -> String { "KUBE-SEP-\(hash(text + address))" }

    /// 16 characters, so that names stay below the 29 that iptables takes.
    static func hash(_ text: String) -> String {
        var characters = ""
        var (bits, count): (UInt32, Int) = (0, 0)
        // Ten bytes are 16 characters of five bits each.
        for byte in SHA256.hash(text).prefix(10) {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 5 {
                count -= 5
                characters.unicodeScalars.append(alphabet[Int(bits >> UInt32(count) & 31)])
            }
        }
        return characters
    }

    /// Base 32 of RFC 4648.
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".unicodeScalars)
}
