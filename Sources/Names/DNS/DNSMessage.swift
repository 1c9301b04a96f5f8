/// A DNS message as a value (RFC 1035 §4): what is sent over the wire in one datagram, or behind its length over TCP.
public struct DNSMessage: Hashable, Sendable {
    public var header: DNSHeader
    public var questions: [DNSQuestion]
    public var answers: [DNSRecord]
    public var authority: [DNSRecord]
    /// Without the OPT record, which is ``extensions``.
    public var additional: [DNSRecord]
    /// What the sender says about itself by EDNS (RFC 6891); nil if it does not know that.
    public var extensions: DNSExtensions?

    public init(
        header: DNSHeader, questions: [DNSQuestion] = [], answers: [DNSRecord] = [], authority: [DNSRecord] = [],
        additional: [DNSRecord] = [], extensions: DNSExtensions? = nil
    ) {
        self.header = header
        self.questions = questions
        self.answers = answers
        self.authority = authority
        self.additional = additional
        self.extensions = extensions
    }
}

/// The part of a message that can be read even if the rest cannot.
public struct DNSHeader: Hashable, Sendable {
    static let length = 12

    /// Chosen by who asks, repeated by who answers.
    public var id: UInt16
    public var isResponse = false
    /// 0 for a plain query; 4 bits.
    public var operation: UInt8 = 0
    /// AA: the answer comes from a server that is responsible for the name.
    public var isAuthoritative = false
    /// TC: there was more than fitted.
    public var isTruncated = false
    /// RD and RA: to ask others is wanted, and possible.
    public var recursionDesired = false
    public var recursionAvailable = false
    public var result = DNSResult.success

    public init(id: UInt16) { self.id = id }

    /// The header of `message`; nil if it is too short to have one.
    public init?(of message: some Collection<UInt8>) {
        guard message.count >= Self.length else { return nil }
        let bytes = Array(message.prefix(4))
        id = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        isResponse = bytes[2] & 0x80 != 0
        operation = bytes[2] >> 3 & 0x0F
        isAuthoritative = bytes[2] & 0x04 != 0
        isTruncated = bytes[2] & 0x02 != 0
        recursionDesired = bytes[2] & 0x01 != 0
        recursionAvailable = bytes[3] & 0x80 != 0
        result = DNSResult(rawValue: UInt16(bytes[3] & 0x0F))
    }

    /// The third and fourth byte of a message.
    var flags: UInt16 {
        var flags = UInt16(operation & 0x0F) << 11 | result.rawValue & 0x0F
        if isResponse { flags |= 0x8000 }
        if isAuthoritative { flags |= 0x0400 }
        if isTruncated { flags |= 0x0200 }
        if recursionDesired { flags |= 0x0100 }
        if recursionAvailable { flags |= 0x0080 }
        return flags
    }
}

/// How a query went. The upper bits of those beyond 15 travel in ``DNSExtensions``.
public struct DNSResult: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let success = DNSResult(rawValue: 0)
    public static let formatError = DNSResult(rawValue: 1)
    /// NXDOMAIN: there is no such name, nor any below it.
    public static let noSuchName = DNSResult(rawValue: 3)
    public static let notImplemented = DNSResult(rawValue: 4)
    public static let refused = DNSResult(rawValue: 5)
    /// BADVERS: a later version of EDNS.
    public static let badVersion = DNSResult(rawValue: 16)
}

extension DNSResult: CustomStringConvertible {
    /// Its name, as `dig` prints it.
    public var description: String {
        switch self {
        case .success: "NOERROR"
        case .formatError: "FORMERR"
        case .noSuchName: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        case .badVersion: "BADVERS"
        default: "result \(rawValue)"
        }
    }
}

public struct DNSQuestion: Hashable, Sendable {
    public var name: DNSName
    public var type: DNSType
    public var questionClass: DNSClass

    public init(name: DNSName, type: DNSType, questionClass: DNSClass = .internet) {
        self.name = name
        self.type = type
        self.questionClass = questionClass
    }
}

/// The OPT pseudo-record (RFC 6891 §6.1), which reuses the fields of a record for other things.
public struct DNSExtensions: Hashable, Sendable {
    /// The largest datagram that the sender takes.
    public var payloadSize: UInt16
    /// The upper eight bits of the result.
    public var extendedResult: UInt8
    public var version: UInt8
    /// DO, and bits of no meaning yet.
    public var flags: UInt16
    public var options: [UInt8]

    public init(
        payloadSize: UInt16, extendedResult: UInt8 = 0, version: UInt8 = 0, flags: UInt16 = 0, options: [UInt8] = []
    ) {
        self.payloadSize = payloadSize
        self.extendedResult = extendedResult
        self.version = version
        self.flags = flags
        self.options = options
    }

    /// DO: the sender wants signatures, if there are any.
    public static let wantsSignatures: UInt16 = 0x8000
}
