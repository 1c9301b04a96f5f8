internal import NIOCore
internal import NIOHTTP1

/// One request of a client.
struct ClientRequest: Sendable {
    var method: String
    /// As it came.
    var target: String
    /// As they came.
    var headers: [(name: String, value: String)]
    /// Of the client, for `X-Forwarded-For`; nil on a Unix socket.
    var client: String?
    let body: BodyPipe
    let reply: ClientReply

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

    /// It asks for another protocol in place of HTTP. Who offers to go over to HTTP/2 may have HTTP/1.1 as well.
    var isUpgrade: Bool {
        guard let wanted = header("upgrade")?.lowercased(), wanted == "websocket" || wanted.hasPrefix("spdy/") else {
            return false
        }
        return
            headers.contains { header in
                header.name.lowercased() == "connection"
                    && header.value.split(separator: ",").contains {
                        String($0).trimmingBlanks().lowercased() == "upgrade"
                    }
            }
    }

    /// The client waits for a word before it sends the body.
    var expectsContinue: Bool { header("expect")?.lowercased() == "100-continue" }
}

/// What answers requests. It returns when the answer is complete, or throws to have the connection closed in its middle;
/// its task is cancelled when the client goes.
typealias Responder = @Sendable (ClientRequest) async throws -> Void
