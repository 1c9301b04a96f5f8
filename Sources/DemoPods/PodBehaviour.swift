internal import HTTP

/// What a demo pod answers: a pure function. Its one effect, that the pod goes down, is returned beside the answer.
enum PodBehaviour {
    /// - Parameter client: where the request came from.
    /// - Returns: the answer, and whether the pod goes down after it.
    static func answer(
        _ request: HTTPRequest, podName: String, client: String
    ) -> (answer: HTTPAnswer, goesDown: Bool) {
        var answer: HTTPAnswer
        var goesDown = false
        switch (request.method, request.path) {
        case ("GET", "/client"):
            answer = HTTPAnswer(.ok, "\(client)\n".utf8)
        case ("GET", _), ("HEAD", _):
            answer = HTTPAnswer(.ok, "\(podName)\n".utf8)
        case ("POST", "/down"):
            answer = HTTPAnswer(.ok, "\(podName) goes down\n".utf8)
            goesDown = true
        case ("POST", "/echo"):
            answer = HTTPAnswer(.ok, request.body)
        case ("POST", _):
            answer = HTTPAnswer(.notFound, "\(podName) takes POST at /down and /echo\n".utf8)
        default:
            answer = HTTPAnswer(.methodNotAllowed, "\(podName) takes GET, HEAD and POST\n".utf8)
            answer.headers = [HTTPHeader("Allow", "GET, HEAD, POST")]
        }
        answer.closes = goesDown
        return (answer, goesDown)
    }

    /// What every answer of a pod says about itself.
    static func headers(podName: String) -> [HTTPHeader] {
        // A name with a space in it would be a name and something else.
        [HTTPHeader("X-Pod", String(decoding: podName.utf8.filter { (0x21...0x7E).contains($0) }, as: UTF8.self))]
    }

    /// The answer to a datagram.
    static func answer(datagram: UnsafeRawBufferPointer, podName: String) -> [UInt8] {
        Array("\(podName): ".utf8) + datagram
    }
}
