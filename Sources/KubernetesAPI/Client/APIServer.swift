internal import Base

/// What every request to one API server needs, however it is sent: the way there, credentials, and words for what fails.
struct APIServer: Sendable {
    let access: ClusterAccess
    let proxy: ProxyURL?
    let userAgent: String
    private let holder: any CredentialSource

    init(
        _ access: ClusterAccess, credentials: any CredentialSource, version: String, environment: [String: String]
    ) throws(APIError) {
        self.access = access
        holder = credentials
        userAgent = "portico/\(version) (linux/\(Self.architecture))"
        if let named = access.proxy {
            proxy = named
        } else {
            proxy = try ProxyEnvironment(environment).proxy(for: access.server)
        }
    }

    func route(with tls: TLSMaterial?) -> ServerRoute {
        ServerRoute(
            server: access.server, proxy: proxy, expectedName: access.tlsServerName,
            skipsVerification: access.skipsVerification, tls: tls)
    }

    /// Asks with the credentials that are in force, and once more if the server refuses these and there are others.
    ///
    /// - Parameters:
    ///   - mayRepeat: whether asking twice does no harm.
    ///   - send: is given nil over plain HTTP, where anybody on the way could read them.
    func ask<Answer: StatusBearing>(
        mayRepeat: Bool, _ send: (RequestCredentials?) async throws(APIError) -> Answer
    ) async throws(APIError) -> Answer {
        guard access.server.isSecure else { return try await send(nil) }
        let credentials = try await holder.current()
        let answer = try await send(credentials)
        guard answer.status == 401, await holder.rejected(credentials), mayRepeat else { return answer }
        return try await send(try await holder.current())
    }

    /// What to say of an error of the libraries.
    ///
    /// - Parameter afterHead: whether the answer had begun.
    func failure(_ error: any Error, on route: ServerRoute, afterHead: Bool) async -> APIError {
        let error = Failure(error, server: access.server, proxy: proxy, afterHead: afterHead)
        guard error.isAboutCertificate else { return error.value }
        return await CertificateInspection(route).explanation ?? error.value
    }

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }
}

/// An answer with an HTTP status.
protocol StatusBearing {
    var status: Int { get }
}

extension APIResponse: StatusBearing {}
