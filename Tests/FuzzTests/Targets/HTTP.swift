@testable import HTTP

/// The head of a request: the same comes of a stream however it was cut on its way.
func fuzzHTTP(_ bytes: [UInt8]) throws(FuzzFailure) {
    // The first byte chooses the cut, so that the fuzzer can choose it.
    guard let first = bytes.first else { return }
    let stream = bytes.dropFirst()
    let whole = outcome(of: [stream])
    let size = 1 + Int(first) % 32
    let pieces = stride(from: stream.startIndex, to: stream.endIndex, by: size).map { start in
        stream[start..<min(start + size, stream.endIndex)]
    }
    let inPieces = outcome(of: pieces)
    try check(inPieces.requests == whole.requests, "the requests are the same in pieces of \(size)")
    // Which of two violations is noticed first may depend on how the stream was cut; whether there is one may not.
    try check(inPieces.isRefused == whole.isRefused, "it is refused in pieces of \(size) too")
    for request in whole.requests {
        try check(!request.method.isEmpty && request.body.count <= largestBody, "a request has a method and bounds")
    }
}

private let largestBody = 64

private func outcome(of pieces: [ArraySlice<UInt8>]) -> (requests: [HTTPRequest], isRefused: Bool) {
    var parser = HTTPRequestParser(largestBody: largestBody)
    var requests: [HTTPRequest] = []
    for piece in pieces {
        piece.withUnsafeBytes { parser.append($0) }
        reading: while true {
            switch parser.next() {
            case .needsMore: break reading
            case .expectsContinue: break
            case .request(let request): requests.append(request)
            case .refused: return (requests, true)
            }
        }
    }
    return (requests, false)
}
