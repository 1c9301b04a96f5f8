import Balancing
import Base

@testable import Names

/// A DNS message as it came, and the response to it.
func fuzzDNS(_ bytes: [UInt8]) throws(FuzzFailure) {
    try fuzzMessage(bytes)
    for transport in [DNSTransport.udp, .tcp] { try fuzzResponse(to: bytes, over: transport) }
    try fuzzStream(bytes)
}

/// What can be read can be written, and is then read as the same.
private func fuzzMessage(_ bytes: [UInt8]) throws(FuzzFailure) {
    guard let message = try? DNSMessage(bytes) else { return }
    for name in message.questions.map(\.name) {
        let text = name.description
        try check(
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a name is printed as what can be printed: \(text)")
        try check(text.contains("\\") || DNSName(text) == name, "\(text) is read as it was printed")
    }
    let written = message.encoded()
    guard let again = try? DNSMessage(written) else {
        throw FuzzFailure(description: "what was written cannot be read: \(message)")
    }
    // Compression makes small messages of large ones; not all of them fit without.
    if again.header.isTruncated, !message.header.isTruncated { return }
    try check(again == message, "\(again) is \(message)")
}

private func fuzzResponse(to bytes: [UInt8], over transport: DNSTransport) throws(FuzzFailure) {
    guard let response = table.respond(to: bytes, over: transport) else { return }
    let limit = transport == .udp ? 1232 : 65_535
    try check(response.count <= limit, "\(response.count) bytes are no more than \(limit)")
    guard let message = try? DNSMessage(response) else {
        throw FuzzFailure(description: "the response cannot be read: \(response)")
    }
    try check(message.header.isResponse, "it is a response")
    try check(response.prefix(2) == bytes.prefix(2), "it repeats the id")
}

/// Messages behind their lengths, cut in two anywhere, are the same messages.
private func fuzzStream(_ bytes: [UInt8]) throws(FuzzFailure) {
    func messages(of pieces: [ArraySlice<UInt8>]) -> [[UInt8]] {
        var stream = DNSStream()
        var messages: [[UInt8]] = []
        for piece in pieces {
            stream.receive(piece)
            while let message = stream.next() { messages.append(message) }
        }
        return messages
    }
    let middle = bytes.count / 2
    let whole = messages(of: [bytes[...]])
    try check(messages(of: [bytes[..<middle], bytes[middle...]]) == whole, "the messages are the same in two pieces")
    try check(bytes.starts(with: whole.flatMap(DNSStream.framed)), "the messages are what stands behind their lengths")
}

private let table: NameTable = {
    func ip(_ last: UInt32) -> IPAddress { IPAddress(v4: 0x7F40_0000 + last) }
    let http = NamedService.Door(name: "http", transport: .tcp, port: 80)
    let endpoints = (1...40).map { index in
        NamedService.Endpoint(
            name: "pod-\(index)", address: EndpointAddress(ip: ip(UInt32(index)), port: 8080))
    }
    let port = NamedService.EndpointPort(name: "http", transport: .tcp, endpoints: endpoints)
    let services = [
        NamedService(namespace: "default", name: "web", form: .doors([ip(200), IPAddress(v6High: 0, low: 1)], [http])),
        NamedService(namespace: "default", name: "pods", form: .endpoints([port])),
        NamedService(namespace: "default", name: "other", form: .alias("web.default.svc.cluster.local")),
    ]
    guard let domain = DNSName("cluster.local") else { preconditionFailure("a domain is a name") }
    return NameTable(services, domain: domain, namespace: "default")
}()
