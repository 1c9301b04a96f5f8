/// What goes with one request: headers, and with whose certificates its connection is to be made.
public struct RequestCredentials: Sendable, CustomStringConvertible {
    /// `Authorization` and `Impersonate-…`, of which some may be there several times. None over plain HTTP.
    public var headers: [(name: String, value: String)]
    /// Nil over plain HTTP.
    public var tls: TLSMaterial?
    /// The token or certificate that it is, so that of many who are refused with it only the first counts.
    var issue: Int

    init(headers: [(name: String, value: String)], tls: TLSMaterial?, issue: Int) {
        self.headers = headers
        self.tls = tls
        self.issue = issue
    }

    public init(headers: [(name: String, value: String)], tls: TLSMaterial?) {
        self.init(headers: headers, tls: tls, issue: 0)
    }

    /// Without secrets, whoever prints it.
    public var description: String { "credentials \(issue)" }

    /// Those headers that are not already settled by what a request brings along: whoever says who he is, or as whom he
    /// wants to act, means that.
    func headers(beside others: [(name: String, value: String)]) -> [(name: String, value: String)] {
        let names = others.map { $0.name.lowercased() }
        let (says, acts) = (names.contains("authorization"), names.contains { $0.hasPrefix("impersonate-") })
        return headers.filter { header in
            let isImpersonation = header.name.lowercased().hasPrefix("impersonate-")
            return isImpersonation ? !acts : !says
        }
    }
}

/// Certificates and keys for connections, as PEM.
public struct TLSMaterial: Hashable, Sendable, CustomStringConvertible {
    /// Another number whenever anything else here is another. Connections that were made with an earlier one are to be
    /// closed when their requests have ended.
    public var revision: Int
    /// Who may vouch for the server; nil for those that the machine trusts.
    public var authorities: [UInt8]?
    /// The client's, with those between it and its authority; nil for none.
    public var certificate: [UInt8]?
    public var key: [UInt8]?

    public init(
        revision: Int, authorities: [UInt8]? = nil, certificate: [UInt8]? = nil, key: [UInt8]? = nil
    ) {
        self.revision = revision
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }

    /// Without secrets, whoever prints it.
    public var description: String { "certificates \(revision)" }
}
