import ArgumentParser
import Testing

@testable import portico

@Suite("portico proxy")
struct ProxyAPITests {
    private func parse(_ arguments: String...) throws -> ProxyAPI {
        let normalized = GoFlags.normalized(["proxy"] + arguments, flags: ProxyAPI.flags)
        return try #require(try Portico.parseAsRoot(normalized) as? ProxyAPI)
    }

    @Test("kubectl's flags mean what they mean there")
    func flags() throws {
        let plain = try parse().proxy
        #expect(
            plain.address == "127.0.0.1" && plain.port == nil && plain.apiPrefix == "/" && plain.wwwPrefix == "/static/"
        )
        let given = try parse(
            "-p8080", "--api-prefix=/custom", "-P", "/x", "--disable-filter=true", "--append-server-path=false",
            "--keepalive=1m0s", "--reject-methods=POST,^PUT$"
        ).proxy
        #expect(given.port == 8080 && given.apiPrefix == "/custom" && given.wwwPrefix == "/x")
        #expect(given.disableFilter && !given.appendServerPath && given.keepalive.duration == .seconds(60))
        #expect(String(describing: given.rejectMethods) == "POST,^PUT$")
    }

    @Test(
        "Mistakes are named",
        arguments: [
            (["--accept-hosts=("], "--accept-hosts"), (["--reject-paths=a,[b"], "[b"),
            (["-u", "/x", "-p", "1"], "leave out one"),
            (["--address=0.0.0.0"], "--share"), (["--port=70000"], "--port"), (["--keepalive=1"], "--keepalive"),
        ])
    func mistakes(arguments: [String], word: String) {
        let error = #expect(throws: (any Error).self) { try Portico.parseAsRoot(["proxy"] + arguments) }
        #expect(error.map { Portico.message(for: $0).contains(word) } == true)
    }

    @Test("Addresses beyond this machine are for those who say so")
    func beyond() throws {
        _ = try parse("--address=0.0.0.0", "--share")
        for address in ["127.0.0.2", "localhost", "::1"] { _ = try parse("--address=\(address)") }
    }
}
