import Objects
import Testing

@testable import KubernetesAPI

@Suite("What a plug-in writes")
struct ExecCredentialTests {
    private func read(_ output: String, version: ExecPlugin.Version = .v1) throws(ExecError) -> ExecCredential {
        try ExecCredential(output, version: version)
    }

    private func document(_ status: String, kind: String = "ExecCredential") -> String {
        "{\"kind\":\"\(kind)\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":\(status)}"
    }

    private func mistake(_ output: String, version: ExecPlugin.Version = .v1) -> String {
        let error = #expect(throws: ExecError.self) { try read(output, version: version) }
        return error?.description ?? ""
    }

    @Test("Token, certificate, key, and the end of both")
    func everything() throws {
        let credential = try read(
            document(
                #"{"token":" a\n","clientCertificateData":"c","clientKeyData":"k","expirationTimestamp":"2026-01-01T00:00:00.5+01:00"}"#
            ))
        #expect(credential.token == "a")
        #expect(credential.certificate == Array("c".utf8))
        #expect(credential.key == Array("k".utf8))
        #expect(credential.expires == Timestamp("2025-12-31T23:00:00Z"))
    }

    @Test("YAML does as well")
    func yaml() throws {
        let text = "kind: ExecCredential\napiVersion: client.authentication.k8s.io/v1\nstatus:\n  token: a\n"
        #expect(try read(text).token == "a")
    }

    @Test("A mistake is told without a word of what may be secret")
    func mistakes() {
        #expect(mistake("") == "wrote no ExecCredential on its standard output")
        #expect(mistake("secret").hasPrefix("wrote no ExecCredential on its standard output"))
        #expect(mistake("{\"secret\": ").hasPrefix("wrote no ExecCredential on its standard output: line 1: "))
        #expect(
            mistake(document("{}", kind: "Secret")) == "wrote an object of kind \"Secret\", expected ExecCredential")
        #expect(
            mistake(document("{}"), version: .v1beta1)
                == "returned version \"client.authentication.k8s.io/v1\", "
                + "and is configured to use client.authentication.k8s.io/v1beta1")
        #expect(mistake(document("null")) == "didn't return a status field")
        #expect(mistake(document("{\"token\":\"\"}")) == "didn't return a token or cert/key pair")
        #expect(mistake(document("{\"clientKeyData\":\"k\"}")) == "returned only certificate or key, not both")
        #expect(
            mistake(document("{\"token\":\"a\\nb\"}")) == "returned a token with control characters in it")
        #expect(
            mistake(document("{\"token\":[\"secret\"]}"))
                == "wrote an ExecCredential in which status.token is not as expected")
        #expect(
            mistake(document("{\"token\":\"a\",\"expirationTimestamp\":\"soon\"}"))
                == "returned an expirationTimestamp that is not RFC 3339")
    }
}
