/// The type of a record, or of what is asked for (RFC 1035 §3.2.2 and later). Numbers that have no name here are
/// allowed.
public struct DNSType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let a = DNSType(rawValue: 1)
    public static let ns = DNSType(rawValue: 2)
    public static let cname = DNSType(rawValue: 5)
    public static let soa = DNSType(rawValue: 6)
    public static let txt = DNSType(rawValue: 16)
    public static let aaaa = DNSType(rawValue: 28)
    public static let srv = DNSType(rawValue: 33)
    public static let opt = DNSType(rawValue: 41)
    /// Transfers of whole zones.
    public static let ixfr = DNSType(rawValue: 251)
    public static let axfr = DNSType(rawValue: 252)
    /// Whatever there is.
    public static let any = DNSType(rawValue: 255)
}

/// The class of a record: the Internet, in practice.
public struct DNSClass: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let internet = DNSClass(rawValue: 1)
    public static let any = DNSClass(rawValue: 255)
}

/// One fact about a name.
public struct DNSRecord: Hashable, Sendable {
    public var name: DNSName
    public var recordClass: DNSClass
    /// Seconds.
    public var timeToLive: UInt32
    public var data: Data

    public init(name: DNSName, recordClass: DNSClass = .internet, timeToLive: UInt32, data: Data) {
        self.name = name
        self.recordClass = recordClass
        self.timeToLive = timeToLive
        self.data = data
    }

    public enum Data: Hashable, Sendable {
        case a(UInt32)
        case aaaa(high: UInt64, low: UInt64)
        case srv(Location)
        /// The name is another name for this one.
        case cname(DNSName)
        case soa(Authority)
        /// Of a type that is none of the above; the bytes as they are.
        case other(DNSType, [UInt8])

        public var type: DNSType {
            switch self {
            case .a: .a
            case .aaaa: .aaaa
            case .srv: .srv
            case .cname: .cname
            case .soa: .soa
            case .other(let type, _): type
            }
        }
    }

    /// Where a service is (RFC 2782).
    public struct Location: Hashable, Sendable {
        public var priority: UInt16
        public var weight: UInt16
        public var port: UInt16
        public var target: DNSName

        public init(priority: UInt16 = 0, weight: UInt16 = 0, port: UInt16, target: DNSName) {
            self.priority = priority
            self.weight = weight
            self.port = port
            self.target = target
        }
    }

    /// Who is responsible for a zone, and for how long its silence may be remembered (RFC 2308).
    public struct Authority: Hashable, Sendable {
        public var server: DNSName
        public var mailbox: DNSName
        public var serial: UInt32
        public var refresh: UInt32
        public var retry: UInt32
        public var expire: UInt32
        public var minimum: UInt32

        public init(
            server: DNSName, mailbox: DNSName, serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32,
            minimum: UInt32
        ) {
            self.server = server
            self.mailbox = mailbox
            self.serial = serial
            self.refresh = refresh
            self.retry = retry
            self.expire = expire
            self.minimum = minimum
        }
    }
}
