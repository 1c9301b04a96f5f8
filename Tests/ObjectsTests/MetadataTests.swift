import Objects
import Testing

@Suite("Metadata")
struct MetadataTests {
    private func metadata(_ fields: String) throws -> ObjectMeta { try read(ObjectMeta.self, "{name: web, \(fields)}") }

    @Test("Without a namespace an object is in default", arguments: ["a: b", "namespace: null", "namespace: ''"])
    func namespace(_ fields: String) throws {
        #expect(try metadata(fields) == ObjectMeta(name: "web"))
        #expect("\(try metadata(fields).key)" == "default/web")
    }

    @Test("Every field may be null")
    func nulls() throws {
        let nulls = try metadata(
            "labels: null, annotations: null, uid: null, resourceVersion: null, creationTimestamp: null, "
                + "deletionTimestamp: null")
        #expect(nulls == ObjectMeta(name: "web"))
    }

    @Test("Labels and annotations are kept as written, whatever text they are")
    func texts() throws {
        let metadata = try metadata("labels: {app: '', 'odd key': \"a\\nb\"}, annotations: {1: '2', true: 'no'}")
        #expect(metadata.labels == ["app": "", "odd key": "a\nb"])
        #expect(metadata.annotations == ["1": "2", "true": "no"])
    }

    @Test("A time of creation that cannot be read costs the object nothing")
    func creation() throws {
        #expect(
            try metadata("creationTimestamp: 2026-11-23T13:41:38Z").creationTimestamp
                == Timestamp(seconds: 1_795_441_298))
        for text in ["''", "yesterday", "2026-02-30T00:00:00Z"] {
            #expect(try metadata("creationTimestamp: \(text)").creationTimestamp == nil, "\(text)")
        }
    }

    @Test(
        "A wrong value is told with its place, what was expected, and what is there",
        arguments: [
            ("{}", "name: expected text, found nothing"),
            ("{generateName: web-}", "name: expected text, found nothing"),
            ("{name: null}", "name: expected text, found nothing"),
            ("{name: ''}", "name: expected text, found \"\""),
            ("{name: 80}", "name: expected text, found 80 (put it in quotes)"),
            ("{name: on}", "name: expected text, found true (put it in quotes)"),
            ("{name: [web]}", "name: expected text, found a list"),
            (
                "{name: Web}",
                "name: expected a name of at most 253 lower-case letters, digits, hyphens and points, found \"Web\""
            ),
            (
                "{name: web, namespace: a.b}",
                "namespace: expected a name of at most 63 lower-case letters, digits and hyphens, found \"a.b\""
            ),
            ("{name: web, labels: [app]}", "labels: expected an object, found a list"),
            ("{name: web, labels: {version: 1.0}}", "labels.version: expected text, found 1.0 (put it in quotes)"),
            ("{name: web, labels: {app: null}}", "labels.app: expected text, found nothing"),
            (
                "{name: web, annotations: {portico.dev/on: true}}",
                "annotations[\"portico.dev/on\"]: expected text, found true (put it in quotes)"
            ),
            ("{name: web, uid: 5}", "uid: expected text, found 5 (put it in quotes)"),
            ("{name: web, resourceVersion: 4711}", "resourceVersion: expected text, found 4711 (put it in quotes)"),
            ("[web]", ": expected an object, found a list"),
        ])
    func wrong(_ text: String, _ expected: String) throws {
        #expect(try words(about: ObjectMeta.self, text) == expected)
    }
}
