internal import Documents
public import Objects

extension APIClient {
    /// One object, asked for by its name.
    public func object(_ kind: ObjectKind, _ key: ObjectKey) async throws(LookupFailure) -> ClusterObject {
        let resource = WatchedResource(kind, namespace: key.namespace)
        // Of what is no name, a part would be taken for another path.
        guard ObjectName.subdomain.admits(key.name), ObjectName.label.admits(key.namespace) else {
            let message = "\(resource.permissionName) \"\(key.name)\" not found"
            throw .refused(reason: "NotFound", message: message, code: 404)
        }
        var request = APIRequest(.get, resource.path + "/" + key.name)
        request.patience = WatchedResource.patience
        let response: APIResponse
        let body: [UInt8]
        do throws(APIError) {
            response = try await send(request)
            body = try await response.body.whole(limit: JSONCutter.largestValue)
        } catch {
            throw .unreachable(error)
        }
        guard response.status == 200 else {
            let status = APIStatus(code: response.status, body: body)
            throw .refused(reason: status.reason, message: status.message, code: status.code)
        }
        return try Self.decode(body, kind)
    }

    private static func decode(_ body: [UInt8], _ kind: ObjectKind) throws(LookupFailure) -> ClusterObject {
        do {
            let tree = try body.withUnsafeBufferPointer { try JSONReader.readValue($0) }
            guard let root = tree.root else { throw LookupFailure.unreadable("an empty answer") }
            return try WireObject(kind, tree, root).decode(StringCache())
        } catch let error as UnreadableObject {
            throw .unreadable(error.finding)
        } catch {
            throw .unreadable("\(error)")
        }
    }
}

/// Why an object that was asked for is not known. The texts are those of `kubectl`.
public enum LookupFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The server's answer: one word, such as `NotFound`, in words, and as an HTTP status.
    case refused(reason: String, message: String, code: Int)
    case unreachable(APIError)
    /// What came is no such object.
    case unreadable(String)

    public var description: String {
        switch self {
        case .refused(let reason, let message, let code):
            "Error from server\(reason.isEmpty ? "" : " (\(reason))"): \(message.isEmpty ? "status \(code)" : message)"
        case .unreachable(let error): "error: \(error)"
        case .unreadable(let text): "error: the API server's answer cannot be read: \(text)"
        }
    }
}

extension APIBody {
    /// All of it.
    ///
    /// - Throws: ``APIError/tooLarge(_:)`` beyond `limit` bytes.
    func whole(limit: Int) async throws(APIError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await next() {
            bytes += piece
            guard bytes.count <= limit else { throw .tooLarge("the answer is larger than \(limit >> 20) MiB") }
        }
        return bytes
    }
}
