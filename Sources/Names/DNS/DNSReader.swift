/// Why bytes are no DNS message.
public enum DNSFormatError: Error, Hashable, Sendable {
    /// It ends before what its counts or lengths announce.
    case tooShort
    /// There is something behind its end.
    case tooLong
    /// A label of a kind that does not exist, a pointer that does not point backwards, or more than 255 bytes.
    case badName
    /// A record whose data is not what its type says, or a second OPT.
    case badRecord
}

extension DNSMessage {
    /// Reads a message. Whatever is in it, this ends: in time that its length bounds.
    public init(_ bytes: [UInt8]) throws(DNSFormatError) {
        guard let header = DNSHeader(of: bytes) else { throw .tooShort }
        self.init(header: header)
        var reader = DNSReader(bytes, at: 4)
        let counts = [try reader.uint16(), try reader.uint16(), try reader.uint16(), try reader.uint16()]
        for _ in 0..<counts[0] {
            questions.append(
                DNSQuestion(
                    name: try reader.name(), type: DNSType(rawValue: try reader.uint16()),
                    questionClass: DNSClass(rawValue: try reader.uint16())))
        }
        for _ in 0..<counts[1] { answers.append(try reader.record()) }
        for _ in 0..<counts[2] { authority.append(try reader.record()) }
        for _ in 0..<counts[3] {
            let record = try reader.record()
            guard case .other(.opt, let options) = record.data else {
                additional.append(record)
                continue
            }
            guard extensions == nil, record.name == .root else { throw .badRecord }
            extensions = DNSExtensions(record, options: options)
        }
        guard reader.isAtEnd else { throw .tooLong }
    }
}

extension DNSExtensions {
    fileprivate init(_ record: DNSRecord, options: [UInt8]) {
        self.init(
            payloadSize: record.recordClass.rawValue, extendedResult: UInt8(record.timeToLive >> 24),
            version: UInt8(record.timeToLive >> 16 & 0xFF), flags: UInt16(record.timeToLive & 0xFFFF), options: options)
    }
}

/// Reads the parts of a message one after the other.
struct DNSReader {
    /// As many as a name has labels at most; a chain of pointers to pointers would only make reading expensive.
    private static let mostPointers = 127

    private let bytes: [UInt8]
    private var offset: Int

    init(_ bytes: [UInt8], at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func take(_ count: Int) throws(DNSFormatError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - offset else { throw .tooShort }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    mutating func uint8() throws(DNSFormatError) -> UInt8 {
        guard let byte = try take(1).first else { throw .tooShort }
        return byte
    }

    mutating func uint16() throws(DNSFormatError) -> UInt16 {
        try take(2).reduce(0) { $0 << 8 | UInt16($1) }
    }

    mutating func uint32() throws(DNSFormatError) -> UInt32 {
        try take(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func uint64() throws(DNSFormatError) -> UInt64 {
        try take(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A name, which may go on at an earlier place (RFC 1035 §4.1.4).
    mutating func name() throws(DNSFormatError) -> DNSName {
        var wire: [UInt8] = []
        // Where reading goes on after the name: behind the first pointer, if there is one.
        var end: Int?
        var pointers = 0
        // Each pointer must lead before the place where the part that it ends began: so there can be no loop.
        var start = offset
        while true {
            let length = try uint8()
            switch length >> 6 {
            case 0b00:
                wire.append(length)
                wire += try take(Int(length))
                guard wire.count + (length == 0 ? 0 : 1) <= DNSName.longest else { throw .badName }
                if length == 0 {
                    if let end { offset = end }
                    return DNSName(wire: wire)
                }
            case 0b11:
                let target = Int(length & 0x3F) << 8 | Int(try uint8())
                pointers += 1
                guard target < start, pointers <= Self.mostPointers else { throw .badName }
                if end == nil { end = offset }
                start = target
                offset = target
            default:
                throw .badName
            }
        }
    }

    mutating func record() throws(DNSFormatError) -> DNSRecord {
        let name = try name()
        let type = DNSType(rawValue: try uint16())
        let recordClass = DNSClass(rawValue: try uint16())
        let timeToLive = try uint32()
        let length = Int(try uint16())
        guard length <= bytes.count - offset else { throw .tooShort }
        let end = offset + length
        let data = try data(type, length: length)
        // Names within may be compressed, so only now it shows whether the data has the length that was announced.
        guard offset == end else { throw .badRecord }
        return DNSRecord(name: name, recordClass: recordClass, timeToLive: timeToLive, data: data)
    }

    private mutating func data(_ type: DNSType, length: Int) throws(DNSFormatError) -> DNSRecord.Data {
        switch type {
        case .a: .a(try uint32())
        case .aaaa: .aaaa(high: try uint64(), low: try uint64())
        case .srv:
            .srv(
                DNSRecord.Location(
                    priority: try uint16(), weight: try uint16(), port: try uint16(), target: try name()))
        case .cname: .cname(try name())
        case .soa:
            .soa(
                DNSRecord.Authority(
                    server: try name(), mailbox: try name(), serial: try uint32(), refresh: try uint32(),
                    retry: try uint32(), expire: try uint32(), minimum: try uint32()))
        default: .other(type, Array(try take(length)))
        }
    }
}
