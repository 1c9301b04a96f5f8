import Cluster
import Objects
import Proxy
import TestSupport
import Testing

@Suite("What there is where nothing of it was asked for")
struct ServiceCensusTests {
    private func service(_ name: String, _ namespace: String, _ labels: [String: String] = [:]) -> ClusterObject {
        .service(
            Service(
                metadata: ObjectMeta(name: name, namespace: namespace, labels: labels), spec: ServiceSpec()))
    }

    private func changes(_ objects: [ClusterObject], gone: [ClusterObject] = []) -> ObjectChanges {
        var changes = ObjectChanges()
        for object in objects { changes.update(object) }
        for object in gone { changes.remove(object.id) }
        return changes
    }

    @Test("Namespaces that have Services, the fullest first, and labels where they were asked for")
    func selection() {
        var census = ServiceCensus()
        let all = [
            service("a", "shop", ["app": "a", "tier": "x"]), service("b", "shop", ["app": "b", "tier": "x"]),
            service("c", "default"),
        ]
        let kept = census.take(changes(all)) { _ in false }
        #expect(kept.objects.count == 3 && kept.objects.values.allSatisfy { $0 == nil })
        #expect(
            census.emptiness(selection: "-n shopp") == "no Service for -n shopp: there are 3 in shop (2), default (1)")
        #expect(
            census.emptiness(selection: "-l app=c")
                == "no Service for -l app=c: there are 3 in shop (2), default (1), with the labels tier=x, app=a, app=b"
        )
        _ = census.take(changes([], gone: Array(all.dropFirst()))) { _ in false }
        #expect(census.emptiness(selection: "-n x") == "no Service for -n x: there is shop/a")
        // One that is wanted ends it, and the last that goes begins it again.
        #expect(census.take(changes([service("w", "x")])) { _ in true } == changes([service("w", "x")]))
        #expect(census.emptiness(selection: "-n x") == nil)
        _ = census.take(changes([service("w", "x")])) { _ in false }
        #expect(census.emptiness(selection: "-n x") != nil)
    }

    @Test("Other objects where there is no Service at all")
    func others() {
        var census = ServiceCensus()
        #expect(census.emptiness(selection: "") == "there are no Services")
        #expect(census.emptiness(selection: "-n a") == "no Service for -n a: there are none at all")
        let workloads = ["a", "b"].map { ClusterObject.workload(Workload(.deployment, metadata: ObjectMeta(name: $0))) }
        let pod = ClusterObject.pod(Pod(metadata: ObjectMeta(name: "p")))
        _ = census.take(changes(workloads + [pod])) { _ in true }
        _ = census.take(changes(workloads)) { _ in true }
        #expect(census.emptiness(selection: "") == "there are no Services, only 2 Deployments, 1 Pod")
        _ = census.take(changes([], gone: [pod])) { _ in true }
        #expect(census.emptiness(selection: "") == "there are no Services, only 2 Deployments")
    }
}
