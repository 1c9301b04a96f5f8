import APITestSupport
import Foundation
import TestSupport
import Testing

@testable import KubernetesAPI

func recordedNames() throws -> [String] {
    let base = try #require(Bundle.module.resourcePath) + "/Fixtures"
    return FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String }
        .filter { $0.hasSuffix(".http") }.map { String($0.dropLast(5)) }.sorted() ?? []
}

@Suite("Answers of real API servers", .requires(.tool("openssl")))
struct ReplayTests {
    @Test("Each arrives as it was recorded", arguments: [true, false])
    func replayed(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        let client = try await client(of: server.port)
        let names = try recordedNames()
        #expect(names.count > 100)
        for name in names {
            let recording = try RecordedAnswer.named(name + ".http")
            server.on("GET", "/\(name)", .recording(recording))
            let answer = try await client.send(APIRequest(.get, "/\(name)"))
            #expect(answer.status == recording.status, "\(name)")
            var body: [UInt8] = []
            do {
                while let piece = try await answer.body.next() { body += piece }
                #expect(recording.isWhole, "\(name)")
            } catch {
                #expect(!recording.isWhole, "\(name): \(error)")
            }
            #expect(body == recording.body, "\(name)")
            for header in recording.headers where header.name.lowercased().hasPrefix("x-") {
                #expect(answer.header(header.name.lowercased()) == header.value)
            }
        }
    }

    @Test("Wherever an answer is cut, it is told, and what came before it is there", arguments: [true, false])
    func cut(reset: Bool) async throws {
        // Without TLS, since each cut takes a connection.
        let server = try await ScriptedAPIServer()
        let client = try await client(of: server.port, secure: false)
        let recording = try RecordedAnswer.named("v1.36.0-openshift/err-410-watch-error-event-raw-chunked.http")
        for count in 0..<recording.bytes.count {
            server.forgetScripts()
            server.on("GET", "/watch", .recording(recording, cutAt: count, reset: reset))
            let error = try await apiError { () throws(APIError) in
                let answer = try await client.send(APIRequest(.get, "/watch"))
                let body = try await answer.body.whole()
                if body != recording.body {
                    throw .tooLarge("a body that ended in order: \(body.count) bytes at \(count)")
                }
                throw .cancelled
            }
            switch error {
            case .broken: break
            // With the last byte of the last chunk the answer is whole, however the connection ends.
            default: Issue.record("cut at \(count): \(error)")
            }
        }
    }
}
