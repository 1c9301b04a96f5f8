@testable import ForwardProxy

/// The first words of a proxy's client: the same comes of them however they were cut on their way, and what is passed on
/// of a request is one head, with what followed it.
func fuzzForwardProxy(_ bytes: [UInt8]) throws(FuzzFailure) {
    // The first byte chooses the cut, so that the fuzzer can choose it, and whether there is a password.
    guard let first = bytes.first else { return }
    let stream = bytes.dropFirst()
    let password = first & 1 == 0 ? nil : ProxyPassword("a:b".utf8)
    let size = 1 + Int(first >> 1) % 32
    let whole = outcome(of: [stream], password)
    let pieces = stride(from: stream.startIndex, to: stream.endIndex, by: size).map { start in
        stream[start..<min(start + size, stream.endIndex)]
    }
    try check(outcome(of: pieces, password) == whole, "it comes to the same in pieces of \(size)")
    guard whole.target != nil, !whole.request.isEmpty, whole.greeting.isEmpty else { return }
    let head = String(decoding: whole.request, as: UTF8.self)
    try check(head.contains("\r\nHost: "), "who is asked is named")
    try check(!head.lowercased().hasPrefix("connect "), "CONNECT is for the proxy")
}

private struct Outcome: Equatable {
    var said: [UInt8] = []
    var target: ForwardTarget?
    var isOver = false
    var request: [UInt8] = []
    var greeting: [UInt8] = []
}

private func outcome(of pieces: [ArraySlice<UInt8>], _ password: ProxyPassword?) -> Outcome {
    var handshake = ProxyHandshake(password: password)
    var outcome = Outcome()
    pieces: for piece in pieces {
        handshake.receive(piece)
        steps: while true {
            switch handshake.next() {
            case .needsMore: break steps
            case .send(let bytes): outcome.said += bytes
            case .ask(let target): outcome.target = target
            case .refuse(let bytes, _):
                outcome.said += bytes
                outcome.isOver = true
                break pieces
            case .hangUp:
                outcome.isOver = true
                break pieces
            }
        }
    }
    if outcome.target != nil { (outcome.request, outcome.greeting) = handshake.granted() }
    return outcome
}
