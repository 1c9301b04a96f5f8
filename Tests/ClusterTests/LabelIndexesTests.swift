import Base
import Objects
import TestSupport
import Testing

@testable import Cluster

@Suite("Services by what they select") struct SelectorIndexTests {
    private var index = SelectorIndex()

    private func selecting(_ selector: [String: String], _ namespace: String = "default") -> Service {
        var service = service { $0.selector = selector }
        service.metadata.namespace = namespace
        return service
    }

    private func found(_ labels: [String: String], _ namespace: String = "default") -> [UInt32] {
        index.numbers(for: labels, in: namespace).sorted()
    }

    @Test("A Service is found by a pod with all its labels, whatever others that has, and once")
    mutating func labels() {
        index.insert(selecting(["app": "web", "tier": "front"]), 1)
        #expect(found(["app": "web", "tier": "front"]) == [1])
        #expect(found(["app": "web", "tier": "front", "x": "y"]) == [1])
        #expect(found(["app": "api", "tier": "back"]).isEmpty && found([:]).isEmpty)
    }

    @Test("A name with another value, a value of another name and another namespace are other labels")
    mutating func others() {
        index.insert(selecting(["app": "web"]), 1)
        #expect(found(["app": "web2"]).isEmpty && found(["web": "app"]).isEmpty && found(["app": ""]).isEmpty)
        #expect(found(["app": "web"], "shop").isEmpty)
        index.insert(selecting(["app": "web"], "shop"), 2)
        #expect(found(["app": "web"], "shop") == [2] && found(["app": "web"]) == [1])
    }

    @Test("A Service without a selector is found by no pod")
    mutating func empty() {
        index.insert(selecting([:]), 1)
        #expect(found(["app": "web"]).isEmpty && found([:]).isEmpty)
        index.remove(selecting([:]), 1)
    }

    @Test("A label that all Services have does not have every pod look at them all")
    mutating func commonLabel() {
        for number: UInt32 in 0..<100 { index.insert(selecting(["chart": "one", "app": "\(number)"]), number) }
        #expect(found(["chart": "one", "app": "7"]).contains(7))
        #expect(found(["chart": "one", "app": "7"]).count < 10)
    }

    @Test("What is taken out is not found any more, whichever label it stood under, and its neighbours are")
    mutating func removal() {
        for number: UInt32 in 0..<10 { index.insert(selecting(["chart": "one", "app": "\(number % 5)"]), number) }
        index.remove(selecting(["chart": "one", "app": "3"]), 3)
        #expect(!found(["chart": "one", "app": "3"]).contains(3) && found(["chart": "one", "app": "3"]).contains(8))
        for number: UInt32 in 0..<10 { index.remove(selecting(["chart": "one", "app": "\(number % 5)"]), number) }
        for app in 0..<5 { #expect(found(["chart": "one", "app": "\(app)"]).isEmpty) }
    }
}

@Suite("Pods by key, label and address") struct PodTableTests {
    private var table = SelectableTable<ObjectKey, Pod>()

    private mutating func add(
        _ name: String, _ addresses: [String], _ labels: [String: String], in space: String = "default"
    ) {
        let pod = pod(name, addresses, labels: labels) { $0.metadata.namespace = space }
        table.replace(ObjectKey(namespace: space, name: name), with: pod)
    }

    private func selected(_ selector: [String: String], in space: String = "default") -> [String] {
        table.select(selector, namespace: space).map(\.metadata.name)
    }

    private func at(_ address: String) -> [String] { table.items(at: ip(address)).map(\.metadata.name).sorted() }

    @Test("A selector finds the pods with all its labels, in the order of their names, and without labels none")
    mutating func selection() {
        add("c", [], ["app": "web", "tier": "front"])
        add("a", [], ["app": "web", "tier": "front", "x": "y"])
        add("b", [], ["app": "web"])
        #expect(selected(["app": "web"]) == ["a", "b", "c"])
        #expect(selected(["app": "web", "tier": "front"]) == ["a", "c"])
        #expect(selected(["app": "web", "tier": "back"]).isEmpty && selected([:]).isEmpty)
    }

    @Test("Pods of one name in two namespaces are two, and are found each in its own")
    mutating func namespaces() {
        add("a", ["10.0.0.1"], ["app": "web"])
        add("a", ["10.0.0.2"], ["app": "web"], in: "shop")
        #expect(table.select(["app": "web"], namespace: "shop").map(\.status.podIPs) == [[ip("10.0.0.2")]])
        #expect(selected(["app": "web"], in: "other").isEmpty)
        table.replace(ObjectKey(namespace: "shop", name: "a"), with: nil)
        #expect(selected(["app": "web"]) == ["a"] && selected(["app": "web"], in: "shop").isEmpty)
        #expect(at("10.0.0.1") == ["a"] && at("10.0.0.2").isEmpty)
    }

    @Test("A pod that changes is found by what it is, and no longer by what it was")
    mutating func replacement() {
        add("a", ["10.0.0.1", "fd00::1"], ["app": "web"])
        add("b", ["10.0.0.1"], ["app": "web"])
        #expect(at("10.0.0.1") == ["a", "b"], "as pods on the network of their node have one address")
        add("a", ["10.0.0.2"], ["app": "api"])
        #expect(selected(["app": "web"]) == ["b"] && selected(["app": "api"]) == ["a"])
        #expect(at("10.0.0.1") == ["b"] && at("10.0.0.2") == ["a"] && at("fd00::1").isEmpty)
        for name in ["a", "b", "b", "never"] {
            table.replace(ObjectKey(namespace: "default", name: name), with: nil)
        }
        #expect(selected(["app": "web"]).isEmpty && selected(["app": "api"]).isEmpty && at("10.0.0.1").isEmpty)
    }
}
