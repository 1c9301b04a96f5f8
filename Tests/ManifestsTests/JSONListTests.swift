import Testing

@testable import Manifests

/// Lists are decoded while they are read; that must not show.
@Suite("Lists in JSON")
struct JSONListTests {
    private let a = #"{"kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}"#
    private let bare = #"{"metadata": {"name": "b"}, "spec": {"ports": [{"port": 2}]}}"#

    @Test("The kind of the list may stand before or after its elements")
    func kinds() {
        #expect(read(#"{"items": [\#(a)], "kind": "List"}"#).names == ["Service default/a"])
        #expect(read(#"{"kind": "List", "items": [\#(a)]}"#).names == ["Service default/a"])
        #expect(
            read(#"{"kind": "ServiceList", "items": [\#(bare), \#(a)]}"#).names == [
                "Service default/b", "Service default/a",
            ])
        #expect(
            read(#"{"items": [\#(a), \#(bare), \#(a)], "apiVersion": "v1", "kind": "ServiceList"}"#).names == [
                "Service default/a", "Service default/b", "Service default/a",
            ])
        #expect(
            read(#"{"kind": "List", "items": [\#(bare)]}"#).messages == [
                "web.yaml:1: items[0]: expected a field kind"
            ])
    }

    @Test("What is no list after all, or one of another project, has no elements")
    func others() {
        let text = #"{"items": [\#(a)], "kind": "Service", "metadata": {"name": "x"}, "spec": {}}"#
        #expect(read(text).names == ["Service default/x"])
        let routes = read(#"{"items": [\#(a)], "kind": "RouteList", "apiVersion": "r.io/v1"}"#)
        #expect(routes.names.isEmpty && routes.skipped == ["RouteList": 1])
        #expect(read(#"{"items": [\#(a)]}"#).messages == ["web.yaml:1: expected a field kind"])
        #expect(
            read(#"{"items": {"a": 1}, "kind": "List"}"#).messages == [
                "web.yaml:1: items: expected a list, found an object"
            ])
        #expect(read(#"{"items": [], "kind": "List"}"#) == FileContents())
        #expect(read(#"{"items": null, "kind": "List"}"#) == FileContents())
    }

    @Test("Elements that are no objects, lists in lists")
    func elements() {
        #expect(
            read(#"{"items": [null, 1, {"kind": "List", "items": [\#(a)]}], "kind": "List"}"#).messages == [
                "web.yaml:1: items[0]: expected an object, found nothing",
                "web.yaml:1: items[1]: expected an object, found 1",
            ])
        #expect(
            read(#"{"items": [{"kind": "ServiceList", "items": [\#(bare)]}], "kind": "List"}"#).names == [
                "Service default/b"
            ])
        #expect(
            read(#"{"items": [{"kind": "List", "items": [{"kind": "Pod"}]}], "kind": "List"}"#).messages == [
                "web.yaml:1: Pod: items[0].items[0]: expected a field metadata"
            ])
    }

    @Test("Of two fields of one name the first counts")
    func twice() {
        #expect(read(#"{"items": [\#(a)], "items": [\#(bare)], "kind": "ServiceList"}"#).names == ["Service default/a"])
    }

    @Test("A list that breaks off says nothing of its elements; documents before it count")
    func broken() {
        let contents = read(#"{"items": [\#(a)"# + "\n", file: "web.json")
        #expect(contents.names.isEmpty)
        #expect(contents.failures.map(\.problem.line) == [2])
        #expect(
            read(#"{"items": [\#(a)], "kind": "List"} {"items": [\#(bare)"#, file: "web.json").names == [
                "Service default/a"
            ])
    }

    @Test("Documents are numbered once there are two")
    func documents() {
        let list = #"{"items": [\#(bare), \#(a)], "kind": "List"}"#
        #expect(read(list).objects.map(\.document) == [nil])
        let two = read(list + "\n" + list)
        #expect(two.objects.map(\.document) == [1, 2])
        #expect(two.failures.map(\.problem.document) == [1, 2])
        #expect(two.objects.map(\.line) == [1, 2])
    }
}
