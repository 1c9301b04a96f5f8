/// What reads bytes that somebody else wrote. Each target is fed with any bytes at all and says what must hold of the
/// outcome, beyond that there is one: nothing may crash, hang, or grow without bound.
///
/// `make fuzz` feeds them with what LLVM's fuzzer makes up, guided by the code that is reached; `make test` with the
/// seeds, which is where an input that once broke something stays. A new target is a case here, a file in `Targets`, a
/// folder in `Seeds` and a line in `Scripts/fuzz.sh`, which says what code it is to reach.
enum FuzzTarget: String, CaseIterable {
    case yaml
    case json
    case documents
    case http
    case forwardProxy = "forward-proxy"
    case dns
    case savedRules = "saved-rules"
    case handover
    case proxyHeader = "proxy-header"
    case kubeconfig
    case watch

    func run(_ bytes: [UInt8]) throws(FuzzFailure) {
        switch self {
        case .yaml: try fuzzManifest(bytes, file: "fuzz.yaml")
        case .json: try fuzzManifest(bytes, file: "fuzz.json")
        case .documents: try fuzzDocuments(bytes)
        case .http: try fuzzHTTP(bytes)
        case .forwardProxy: try fuzzForwardProxy(bytes)
        case .dns: try fuzzDNS(bytes)
        case .savedRules: try fuzzSavedRules(bytes)
        case .handover: try fuzzHandover(bytes)
        case .proxyHeader: try fuzzProxyHeader(bytes)
        case .kubeconfig: try fuzzKubeconfig(bytes)
        case .watch: try fuzzWatch(bytes)
        }
    }
}

/// Something that has to hold, and does not for this input.
struct FuzzFailure: Error, CustomStringConvertible {
    let description: String
}

func check(_ condition: Bool, _ claim: @autoclosure () -> String) throws(FuzzFailure) {
    if !condition { throw FuzzFailure(description: "does not hold: \(claim())") }
}
