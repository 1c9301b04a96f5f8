extension DNSMessage {
    /// The message as bytes, `limit` of them at most.
    ///
    /// Records that do not fit are left out, the last first. Answers and authority that are missing are announced by
    /// TC, so that who asked comes back over TCP; what is additional is not missed (RFC 2181 §9).
    ///
    /// - Parameter limit: enough for header, questions and OPT, which are always there.
    public func encoded(limit: Int = 65_535) -> [UInt8] {
        var writer = DNSWriter()
        writer.uint16(header.id)
        let flagsOffset = writer.bytes.count
        writer.uint16(header.flags)
        let countsOffset = writer.bytes.count
        for _ in 0..<4 { writer.uint16(0) }
        for question in questions { writer.question(question) }

        var extensionsWriter = DNSWriter()
        if let extensions { extensionsWriter.extensions(extensions) }
        let room = limit - extensionsWriter.bytes.count

        let answered = writer.records(answers, limit: room)
        let referred = answered == answers.count ? writer.records(authority, limit: room) : 0
        let isComplete = answered == answers.count && referred == authority.count
        let added = isComplete ? writer.records(additional, limit: room) : 0
        writer.bytes += extensionsWriter.bytes

        if !isComplete {
            var header = header
            header.isTruncated = true
            writer.set(header.flags, at: flagsOffset)
        }
        let counts = [questions.count, answered, referred, added + (extensions == nil ? 0 : 1)]
        for (index, count) in counts.enumerated() {
            writer.set(UInt16(clamping: count), at: countsOffset + 2 * index)
        }
        return writer.bytes
    }
}

/// Writes the parts of a message one after the other.
struct DNSWriter {
    /// Pointers have 14 bits for an offset.
    private static let farthestTarget = 0x3FFF

    var bytes: [UInt8] = []
    /// Where names that were written before begin.
    private var known: [DNSName: UInt16] = [:]

    mutating func uint16(_ value: UInt16) { bytes += [UInt8(value >> 8), UInt8(value & 0xFF)] }

    mutating func uint32(_ value: UInt32) {
        uint16(UInt16(value >> 16))
        uint16(UInt16(value & 0xFFFF))
    }

    mutating func uint64(_ value: UInt64) {
        uint32(UInt32(value >> 32))
        uint32(UInt32(truncatingIfNeeded: value))
    }

    mutating func set(_ value: UInt16, at offset: Int) {
        bytes[offset] = UInt8(value >> 8)
        bytes[offset + 1] = UInt8(value & 0xFF)
    }

    /// A name, with a pointer in place of what was written before. The case of that part is then the earlier one's, and
    /// that is why the question comes first: some clients check that its case is repeated.
    mutating func name(_ name: DNSName) {
        var rest = name
        while let parent = rest.parent {
            if let target = known[rest] {
                uint16(0xC000 | target)
                return
            }
            if bytes.count <= Self.farthestTarget { known[rest] = UInt16(bytes.count) }
            bytes += rest.wire[...Int(rest.wire[0])]
            rest = parent
        }
        bytes.append(0)
    }

    mutating func question(_ question: DNSQuestion) {
        name(question.name)
        uint16(question.type.rawValue)
        uint16(question.questionClass.rawValue)
    }

    /// As many of `records` as fit into `limit` bytes in all; returns how many that are.
    mutating func records(_ records: [DNSRecord], limit: Int) -> Int {
        // The counts of a message have 16 bits.
        for (index, record) in records.prefix(65_534).enumerated() {
            let end = bytes.count
            self.record(record)
            if bytes.count > limit {
                bytes.removeSubrange(end...)
                known = known.filter { $0.value < end }
                return index
            }
        }
        return min(records.count, 65_534)
    }

    mutating func record(_ record: DNSRecord) {
        name(record.name)
        uint16(record.data.type.rawValue)
        uint16(record.recordClass.rawValue)
        uint32(record.timeToLive)
        let lengthOffset = bytes.count
        uint16(0)
        data(record.data)
        set(UInt16(clamping: bytes.count - lengthOffset - 2), at: lengthOffset)
    }

    mutating func extensions(_ extensions: DNSExtensions) {
        bytes.append(0)
        uint16(DNSType.opt.rawValue)
        uint16(extensions.payloadSize)
        uint16(UInt16(extensions.extendedResult) << 8 | UInt16(extensions.version))
        uint16(extensions.flags)
        let options = extensions.options.prefix(Int(UInt16.max))
        uint16(UInt16(options.count))
        bytes += options
    }

    private mutating func data(_ data: DNSRecord.Data) {
        switch data {
        case .a(let address): uint32(address)
        case .aaaa(let high, let low):
            uint64(high)
            uint64(low)
        case .srv(let location):
            uint16(location.priority)
            uint16(location.weight)
            uint16(location.port)
            // Not to be compressed (RFC 2782).
            bytes += location.target.wire
        case .cname(let target): name(target)
        case .soa(let authority):
            name(authority.server)
            name(authority.mailbox)
            for value in [
                authority.serial, authority.refresh, authority.retry, authority.expire, authority.minimum,
            ] { uint32(value) }
        case .other(_, let bytes): self.bytes += bytes
        }
    }
}
