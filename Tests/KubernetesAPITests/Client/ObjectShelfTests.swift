import APITestSupport
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("The tests' own objects behind an API")
struct ObjectShelfTests {
    private func item(_ name: String) -> (String) -> String {
        { #"{"metadata":{"name":"\#(name)","resourceVersion":"\#($0)"}}"# }
    }

    private func list(_ client: HTTPAPIClient, _ query: [APIRequest.QueryItem] = []) async throws -> (Int, String) {
        let answer = try await client.send(APIRequest(.get, "/api/v1/services", query: query))
        return (answer.status, try await answer.body.text())
    }

    @Test("They are listed in pages, and an old page is gone after a cut")
    func pages() async throws {
        let (server, shelf) = (try await ScriptedAPIServer(), ObjectShelf("v1", "Service", at: "/api/v1/services"))
        server.serve(shelf)
        for name in ["a", "b", "c"] { shelf.put(name, item(name)) }
        let client = try await client(of: server.port, secure: false)
        let first = try await list(client, [.init("limit", "2")])
        #expect(first.1.contains(#""resourceVersion":"103","continue":"page-0-103","remainingItemCount":1"#))
        #expect(first.1.contains(#""name":"b""#) && !first.1.contains(#""name":"c""#))
        let second = try await list(client, [.init("limit", "2"), .init("continue", "page-0-103")])
        #expect(second.1.contains(#""name":"c""#) && !second.1.contains("continue"))
        shelf.cutHistory()
        #expect(try await list(client, [.init("continue", "page-0-103")]).0 == 410)
        #expect(shelf.lists == 1)
    }

    @Test("A watch has what came after its version, and is told when that is too old")
    func watch() async throws {
        let (server, shelf) = (try await ScriptedAPIServer(), ObjectShelf("v1", "Service", at: "/api/v1/services"))
        server.serve(shelf)
        shelf.put("a", item("a"))
        shelf.put("b", item("b"))
        let client = try await client(of: server.port, secure: false)
        let query: [APIRequest.QueryItem] = [
            .init("watch", "true"), .init("resourceVersion", "101"), .init("allowWatchBookmarks", "true"),
        ]
        let request = APIRequest(.get, "/api/v1/services", query: query)
        let body = try await client.send(request).body
        func next() async throws -> String { String(decoding: try await body.next() ?? [], as: UTF8.self) }
        #expect(try await next().hasPrefix(#"{"type":"ADDED","object":{"metadata":{"name":"b""#))
        shelf.put("a", item("a"))
        #expect(
            try await next().hasPrefix(#"{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"103"#))
        shelf.remove("b")
        #expect(try await next().hasPrefix(#"{"type":"DELETED""#))
        shelf.bookmark()
        #expect(
            try await next().contains(
                #""BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"104""#))
        shelf.endWatches()
        #expect(try await body.next() == nil)

        shelf.cutHistory()
        let late = try await client.send(request).body.text()
        #expect(late.contains(#""type":"ERROR""#) && late.contains(#""code":410"#))
    }

    @Test("A watch that asks for it begins with all that is there, if the server can")
    func streamingList() async throws {
        let (server, shelf) = (try await ScriptedAPIServer(), ObjectShelf("v1", "Service", at: "/api/v1/services"))
        server.serve(shelf)
        shelf.put("a", item("a"))
        let client = try await client(of: server.port, secure: false)
        let query: [APIRequest.QueryItem] = [
            .init("watch", "true"), .init("sendInitialEvents", "true"), .init("allowWatchBookmarks", "true"),
        ]
        #expect(try await list(client, query).0 == 422)
        shelf.streamsLists = true
        let body = try await client.send(APIRequest(.get, "/api/v1/services", query: query)).body
        #expect(try await body.next()?.starts(with: #"{"type":"ADDED""#.utf8) == true)
        let end = String(decoding: try await body.next() ?? [], as: UTF8.self)
        #expect(end.contains("k8s.io/initial-events-end"))
    }
}
