/// How a query came, which decides how long the response may be.
public enum DNSTransport: Hashable, Sendable {
    case udp
    case tcp
}

extension NameTable {
    /// What this server takes and sends in one datagram, with EDNS: fits every network's frames, so that answers never
    /// depend on fragments (the advice of DNS Flag Day 2020).
    static let largestDatagram = 1232
    /// Without EDNS (RFC 1035 §4.2.1).
    private static let plainDatagram = 512

    /// The response to a message; nil if it deserves none. Whatever is in the message, this does no harm.
    public func respond(to bytes: [UInt8], over transport: DNSTransport) -> [UInt8]? {
        // To answer a response could go on for ever, between two servers that both do.
        guard let asked = DNSHeader(of: bytes), !asked.isResponse else { return nil }
        var header = DNSHeader(id: asked.id)
        header.isResponse = true
        header.operation = asked.operation
        header.recursionDesired = asked.recursionDesired

        let query: DNSMessage
        do throws(DNSFormatError) {
            // Other operations may have sections of another make, so whether they are well-formed is not looked at.
            guard asked.operation == 0 else {
                header.result = .notImplemented
                return DNSMessage(header: header).encoded()
            }
            query = try DNSMessage(bytes)
        } catch {
            header.result = .formatError
            return DNSMessage(header: header).encoded()
        }
        return response(to: query, header).encoded(limit: Self.limit(query, transport))
    }

    private func response(to query: DNSMessage, _ header: DNSHeader) -> DNSMessage {
        var response = DNSMessage(header: header, questions: query.questions)
        if let extensions = query.extensions {
            response.extensions = DNSExtensions(
                payloadSize: UInt16(Self.largestDatagram), flags: extensions.flags & DNSExtensions.wantsSignatures)
            guard extensions.version == 0 else {
                response.extensions?.extendedResult = UInt8(DNSResult.badVersion.rawValue >> 4)
                response.header.result = DNSResult(rawValue: DNSResult.badVersion.rawValue & 0x0F)
                return response
            }
        }
        // There is one result, so there can be one question.
        guard query.questions.count == 1, let question = query.questions.first else {
            response.questions = []
            response.header.result = .formatError
            return response
        }
        // Whoever asks chooses its numbers at random, so they take turns as well as anything.
        let answer = answer(question, turn: Int(query.header.id))
        response.header.result = answer.result
        response.header.isAuthoritative = answer.isAuthoritative
        response.answers = answer.answers
        response.authority = answer.authority
        response.additional = answer.additional
        return response
    }

    private static func limit(_ query: DNSMessage, _ transport: DNSTransport) -> Int {
        guard transport == .udp else { return 65_535 }
        let taken = query.extensions.map { Int($0.payloadSize) } ?? plainDatagram
        return min(max(taken, plainDatagram), largestDatagram)
    }
}
