import APITestSupport
import Objects
import TestSupport
import Testing

@testable import KubernetesAPI

/// Answers of real API servers, byte for byte.
@Suite("Recorded answers")
struct RecordingTests {
    static let folders = ["v1.25.0-alpha.2", "v1.25.0-alpha.2/controller", "v1.36.0-openshift", "kubectl"]

    private func resource(_ recording: RecordedAnswer) -> WatchedResource {
        let name = recording.name.split(separator: "/").last ?? ""
        if name.contains("endpointslices") { return WatchedResource(.endpointSlice) }
        if name.contains("endpoints") { return WatchedResource(.endpoints) }
        if name.contains("nodes") { return WatchedResource(.node) }
        return WatchedResource(.service)
    }

    @Test("Every list and every watch is read without a complaint about its objects", arguments: folders)
    func all(_ folder: String) throws {
        var objects = 0
        for recording in try RecordedAnswer.all(in: folder) where Self.isOfObjects(recording) {
            var rig = Rig([resource(recording)])
            _ = rig.ask()
            if recording.isWatch {
                rig.answer(listJSON([], version: 1, kind: rig.reflector.resource.listKind).utf8)
                _ = rig.ask()
            }
            rig.answer(recording, piece: 1000, recording.name.contains("cut") ? .broken : .declared)
            #expect(rig.reflector.ledger.problems == [], "\(recording.name)")
            if recording.status == 200, !recording.isWatch, !recording.body.allSatisfy({ $0 == 0x0A || $0 == 0x0D }) {
                let isDone = rig.reflector.hasSynced || rig.reflector.aim != .list(.init(version: "0"))
                #expect(isDone && rig.outage == nil, "\(recording.name): \(rig.outage ?? "not listed")")
            }
            objects += rig.objects.count
        }
        #expect(objects > 0)
    }

    /// The others are answers to questions that only a client asks.
    private static func isOfObjects(_ recording: RecordedAnswer) -> Bool {
        let others = ["api-groups", "discovery-group", "healthz", "node-a", "version"]
        return !others.contains { recording.name.hasSuffix("/\($0).http") }
    }

    @Test("The boundary between two pieces may be anywhere in a watch")
    func everyBoundary() throws {
        let recording = try RecordedAnswer.named("v1.25.0-alpha.2/endpoints-watch.http")
        var start = Rig([WatchedResource(.endpoints)])
        _ = start.ask()
        start.answer(listJSON([], version: 1, kind: "EndpointsList").utf8)
        _ = start.ask()
        var whole = start
        whole.answer(recording)
        #expect(whole.objects.count > 0)
        for place in 1..<recording.body.count {
            var rig = start
            rig.answer(recording.body[..<place], .none)
            rig.more(recording.body[place...], .declared)
            #expect(rig.objects == whole.objects && rig.reflector.version == whole.reflector.version, "at \(place)")
        }
    }

    @Test("The pages of a list are followed to the end")
    func pages() throws {
        var rig = Rig([WatchedResource(.endpointSlice)])
        for page in 1...3 {
            let request = rig.ask()
            #expect((request["continue"] == nil) == (page == 1))
            #expect(!rig.reflector.hasSynced)
            rig.answer(try .named("v1.25.0-alpha.2/endpointslices-limit10-page\(page).http"))
        }
        #expect(rig.reflector.hasSynced && rig.objects.count == 21)
        #expect(rig.ask().isWatch)
    }

    @Test("Controllers' EndpointSlices come, change and go")
    func controller() throws {
        var rig = Rig([WatchedResource(.endpointSlice)])
        _ = rig.ask()
        rig.answer(listJSON([], version: 1, kind: "EndpointSliceList").utf8)
        _ = rig.ask()
        rig.answer(try .named("v1.25.0-alpha.2/controller/endpointslices-watch-controller.http"))
        #expect(rig.objects.count > 0)
        #expect(rig.reflector.ledger.problems == [])
    }

    @Test("A streaming list of a real server syncs, and its events follow")
    func streamingList() throws {
        var rig = Rig([WatchedResource(.service, namespace: "default")], mayStream: true)
        _ = rig.ask()
        rig.answer(try .named("kubectl/022-01-GET-services_watch.txt"))
        #expect(rig.reflector.hasSynced)
        // One came and went.
        #expect(
            rig.objects.compactMapValues(\.self).keys.map(\.key.name).sorted() == [
                "a", "b", "c", "kubernetes", "plain",
            ])
        let request = rig.ask()
        #expect(request.isWatch && request["resourceVersion"] == "4523")
    }

    @Test(
        "Servers that cannot stream a list are asked for an ordinary one",
        arguments: [
            "v1.36.0-openshift/err-watchlist-gate-off.http", "v1.36.0-openshift/err-watchlist-unsupported-etcd.http",
            "kubectl/023-01-GET-services_watch.txt",
        ])
    func noStreams(_ name: String) throws {
        var rig = Rig(mayStream: true)
        _ = rig.ask()
        rig.answer(try .named(name))
        #expect(!rig.ask().isWatch)
        #expect(rig.waited == .zero && rig.outage == nil)
    }

    @Test("A continuation that has expired leads to one list of everything")
    func expiredPage() throws {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(try .named("v1.25.0-alpha.2/services-page1.http"))
        _ = rig.ask()
        rig.answer(try .named("v1.25.0-alpha.2/err-410-continue-expired.http"))
        #expect(rig.ask().line == "GET /api/v1/services")
    }

    @Test("A version of the future is noticed where the server says so")
    func future() throws {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(try .named("v1.25.0-alpha.2/services-list-kubeproxy-selector.http"))
        rig.reflector.reread()
        _ = rig.ask()
        rig.answer(try .named("v1.25.0-alpha.2/err-future-rv-list.http"))
        #expect(rig.ask().line == "GET /api/v1/services?limit=500")
    }

    @Test("A server that is stopped breaks the watch, and it goes on later from where it was")
    func stopped() throws {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([], version: 1).utf8)
        _ = rig.ask()
        rig.answer(try .named("kubectl/054-01-GET-services_watch.txt"), .broken)
        #expect(rig.ask()["resourceVersion"] == "6097")
        rig.answer(try .named("kubectl/055-02-GET-services_watch.txt"))
        #expect(!rig.ask().isWatch)
    }
}
