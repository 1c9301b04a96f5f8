internal import Documents
internal import Objects

/// What a plug-in has told: a token, a certificate with its key, or both.
struct ExecCredential: Equatable {
    var token: String?
    var certificate: [UInt8]?
    var key: [UInt8]?
    /// Nil for as long as the server takes it.
    var expires: Timestamp?

    /// Reads what a plug-in has written on its standard output.
    ///
    /// - Throws: what is wrong with it. Nothing of the text is in the message, since it may have secrets.
    init(_ output: String, version: ExecPlugin.Version) throws(ExecError) {
        let record: Record
        do {
            let tree = try DocumentTree.read(Array(output.utf8))
            guard let root = tree.root, tree.nodes[root].kind == .mapping else {
                throw ExecError("wrote no ExecCredential on its standard output")
            }
            record = try Record(from: TreeDecoder(document: TreeDecoder.Document(tree), node: root))
        } catch let error as ExecError {
            throw error
        } catch let error as SyntaxError {
            throw ExecError("wrote no ExecCredential on its standard output: line \(error.line): \(error.message)")
        } catch let error as DecodingError {
            let field = error.path.map(PathStep.init).fieldPath
            throw ExecError("wrote an ExecCredential in which \(field) is not as expected")
        } catch {
            throw ExecError("wrote no ExecCredential on its standard output")
        }
        guard record.kind == "ExecCredential" else {
            throw ExecError("wrote an object of kind \"\(record.kind ?? "")\", expected ExecCredential")
        }
        guard record.apiVersion == version.rawValue else {
            throw ExecError(
                "returned version \"\(record.apiVersion ?? "")\", and is configured to use \(version.rawValue)")
        }
        guard let status = record.status else { throw ExecError("didn't return a status field") }
        token = status.token.map { $0.trimmed }.content
        certificate = status.clientCertificateData.content.map { Array($0.utf8) }
        key = status.clientKeyData.content.map { Array($0.utf8) }
        guard (certificate == nil) == (key == nil) else {
            throw ExecError("returned only certificate or key, not both")
        }
        guard token != nil || certificate != nil else { throw ExecError("didn't return a token or cert/key pair") }
        guard token?.isHeaderValue ?? true else { throw ExecError("returned a token with control characters in it") }
        if let text = status.expirationTimestamp.content {
            guard let time = Timestamp(text) else {
                throw ExecError("returned an expirationTimestamp that is not RFC 3339")
            }
            expires = time
        }
    }

    private struct Record: Decodable {
        struct Status: Decodable {
            var token: String?
            var clientCertificateData: String?
            var clientKeyData: String?
            var expirationTimestamp: String?
        }

        var kind: String?
        var apiVersion: String?
        var status: Status?
    }
}

/// Why a plug-in has given nothing, in words that follow its name.
struct ExecError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
