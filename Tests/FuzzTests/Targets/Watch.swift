import Documents
import Objects

@testable import KubernetesAPI

/// What an API server sends by a watch or as a list: the same comes of it wherever the pieces of it end.
func fuzzWatch(_ bytes: [UInt8]) throws(FuzzFailure) {
    // The first byte chooses form and size of the pieces, so that the fuzzer can choose them.
    guard let first = bytes.first else { return }
    let form = first % 2 == 0 ? JSONScan.Form.values : .list
    let stream = bytes.dropFirst()
    let size = 1 + Int(first / 2) % 32
    let whole = try outcome(of: Array(stream), form, size: max(1, stream.count))
    let pieces = try outcome(of: Array(stream), form, size: size)
    // What is without end in pieces may have one in the whole.
    if pieces.failure == .endless { return }
    try check(pieces.found == whole.found, "the same is found in pieces of \(size): \(pieces.found), \(whole.found)")
    try check((pieces.failure == nil) == (whole.failure == nil), "it is refused in pieces of \(size) too")
    try check(pieces.head == whole.head, "a list says the same in pieces of \(size)")

    let status = APIStatus(code: 500, body: Array(stream))
    try check(status.message.count <= 301 && status.code == 500, "a refusal is short: \(status)")
}

private let largestValue = 256

private struct Outcome {
    var found: [String] = []
    var failure: JSONCutter.Failure?
    var head: ListHead?
}

private func outcome(of stream: [UInt8], _ form: JSONScan.Form, size: Int) throws(FuzzFailure) -> Outcome {
    var (cutter, outcome) = (JSONCutter(form, largestValue: largestValue), Outcome())
    var isOneLine = true
    var start = 0
    while outcome.failure == nil, start < stream.count {
        let piece = Array(stream[start..<min(start + size, stream.count)])
        start += size
        cutter.append(piece)
        do throws(JSONCutter.Failure) {
            while let words = try cutter.next({ words($0, form) }) {
                outcome.found.append(words)
                isOneLine = isOneLine && words.count < 500 && !words.contains(where: \.isNewline)
            }
        } catch {
            outcome.failure = error
        }
        let most = largestValue + 2 * piece.count
        try check(form == .list || cutter.held <= most, "no more is held than one value: \(cutter.held)")
    }
    try check(isOneLine, "what is said is one short line: \(outcome.found)")
    if cutter.isComplete, outcome.failure == nil { outcome.head = ListHead(cutter.envelope) }
    return outcome
}

private func words(_ piece: JSONCutter.Piece, _ form: JSONScan.Form) -> String {
    if form == .list {
        switch WireObject.element(piece, of: .endpointSlice) {
        case .success(let object): return words(object)
        case .failure(let object): return words(object)
        }
    }
    switch WatchEvent(piece, of: .service) {
    case .changed(let object): return "changed \(words(object))"
    case .deleted(let object): return "deleted \(words(object))"
    case .bookmark(let version, let endsList): return "bookmark \(version) \(endsList)".shortened(to: 100)
    case .error(let status): return "error \(status.code) \(status.isExpired) \(status.isTooNew) \(status.words)"
    case .unreadable(let object): return words(object)
    }
}

private func words(_ object: WireObject) -> String {
    do throws(UnreadableObject) {
        let decoded = try object.decode(StringCache())
        return "\(decoded.id) \((object.version ?? "").shortened(to: 20)) \(object.id == decoded.id)"
    } catch {
        return words(error)
    }
}

private func words(_ object: UnreadableObject) -> String { "\(object.name): \(object.finding)" }
