/// Who holds the credentials for an API server.
public protocol CredentialSource: Sendable {
    /// What the next request is to carry.
    ///
    /// - Throws: ``APIError/credentials(_:)``.
    func current() async throws(APIError) -> RequestCredentials

    /// The server has answered a request that carried these with 401.
    ///
    /// - Returns: whether there may be others now, so that it is worth asking again.
    func rejected(_ credentials: RequestCredentials) async -> Bool
}

extension Credentials: CredentialSource {}
