import DemoPods
import EventLoop
import TestSupport

let getRequest = "GET / HTTP/1.1\r\nHost: my-service\r\n\r\n"
let lastGetRequest = "GET / HTTP/1.1\r\nHost: my-service\r\nConnection: close\r\n\r\n"

/// The head that a demo pod answers a GET with, body included.
func answer(of podName: String, connection: String? = nil) -> String {
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(podName.utf8.count + 1)\r\nX-Pod: \(podName)\r\n"
        + (connection.map { "Connection: \($0)\r\n" } ?? "") + "\r\n\(podName)\n"
}

/// Sends `text` on a connection of its own and returns all that comes back, up to its end.
func exchange(_ text: String, with port: UInt16) async throws -> String {
    let client = try ScriptedPeer.connect(to: port, script: [.send(text), .receiveAll])
    return try await client.finished().received.text
}

/// Whether a pod of this name answers at the port. Once a pod is forgotten its port may be anybody's, another test's for
/// example, so that nobody can say what happens there, except that it is not this pod.
func answers(_ port: UInt16, _ podName: String) async -> Bool {
    let text = try? await exchange(lastGetRequest, with: port)
    return text?.hasSuffix("\r\n\r\n\(podName)\n") ?? false
}

/// Whether connections to the port are refused. Of use for a pod that is down: it keeps its port.
func isRefused(_ port: UInt16) async -> Bool {
    guard let client = try? ScriptedPeer.connect(to: port, script: []) else { return false }
    return await client.report().failure?.reason.isRefused == true
}

extension DemoPods {
    /// The port of the stand-in for a pod at some address.
    func port(of podName: String, at address: String = "10.244.2.3:80") throws -> UInt16 {
        try standIn(podName: podName, address: address).port
    }
}
