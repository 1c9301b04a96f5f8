public import Base
public import Cluster
public import Objects

/// A cluster in which something happens all the time: objects come, change and go by chance.
///
/// It is so small that things collide: few names, addresses and ports for many Services, endpoints that are addresses of
/// Services and of nodes, objects that come before what they belong to, or never.
public struct World: Sendable {
    /// Something that happens. It holds all that it needs, so that any other can be left out.
    public enum Event: Sendable {
        case change(ObjectChanges)
        /// The node has these addresses itself now.
        case ownAddresses(Set<IPAddress>)
        /// The kernel's rules are what was asked for so many events ago.
        case rulesInForce(lag: Int)
    }

    /// All that there are.
    public private(set) var objects: [ObjectID: ClusterObject] = [:]
    public private(set) var ownAddresses: Set<IPAddress> = []
    /// How many Services there may be.
    let size: Int

    public init(size: Int = 6) {
        self.size = size
    }

    public mutating func take(_ event: Event) {
        switch event {
        case .change(let changes):
            for (id, object) in changes.objects { objects[id] = object }
        case .ownAddresses(let addresses): ownAddresses = addresses
        case .rulesInForce: break
        }
    }

    /// Everything that there is, as a source tells it at first.
    public var everything: ObjectChanges {
        var changes = ObjectChanges()
        for object in objects.values { changes.update(object) }
        return changes
    }

    /// What happens by chance in a world that is empty at first.
    public static func events(_ count: Int, size: Int = 6, _ random: inout SeededRandom) -> [Event] {
        var world = World(size: size)
        return (0..<count).map { _ in
            let event = world.nextEvent(&random)
            world.take(event)
            return event
        }
    }

    private func nextEvent(_ random: inout SeededRandom) -> Event {
        switch random.number(0..<20) {
        case 0: return .ownAddresses(Set(random.some(of: Self.nodeAddresses, 0..<3).map(ip)))
        case 1, 2: return .rulesInForce(lag: random.number(0..<3))
        default: break
        }
        var changes = ObjectChanges()
        for _ in 0..<random.one(of: [1, 1, 1, 1, 2, 3, 6]) { change(&changes, &random) }
        return .change(changes)
    }

    private func change(_ changes: inout ObjectChanges, _ random: inout SeededRandom) {
        let object = newObject(&random)
        switch random.number(0..<10) {
        case 0: if let known = known(object.id.kind, &random) { changes.update(known) }
        case 1: changes.remove(object.id)
        case 2, 3: if let known = known(object.id.kind, &random) { changes.remove(known.id) }
        default: changes.update(object)
        }
    }

    /// An object of this kind that there is.
    private func known(_ kind: ObjectKind, _ random: inout SeededRandom) -> ClusterObject? {
        // In order, since that of a dictionary is another in every run.
        let ids = objects.keys.filter { $0.kind == kind }.sorted()
        return ids.isEmpty ? nil : objects[random.one(of: ids)]
    }
}

extension World.Event: CustomStringConvertible {
    public var description: String {
        switch self {
        case .change(let changes):
            changes.objects.sorted { $0.key < $1.key }.map { id, object in
                object.map { "\(id) is \(Self.brief($0))" } ?? "\(id) is gone"
            }.joined(separator: "; ")
        case .ownAddresses(let addresses): "the node's own addresses are \(addresses.sorted())"
        case .rulesInForce(let lag): "the rules of \(lag) events ago are in force"
        }
    }

    /// What it says about what is served.
    private static func brief(_ object: ClusterObject) -> String {
        switch object {
        case .service(let service):
            "\(service.metadata.labels) \(service.metadata.creationTimestamp?.seconds ?? 0) \(service.spec) \(service.status)"
        case .endpointSlice(let slice): "\(slice.metadata.labels) \(slice.ports) \(slice.endpoints)"
        case .endpoints(let object): "\(object.metadata.labels) \(object.subsets)"
        case .pod(let pod): "\(pod.metadata.labels) \(pod.spec) \(pod.status)"
        case .node(let node): "\(node.metadata.labels) \(node.addresses)"
        case .workload(let workload): "\(workload.replicas) \(workload.template)"
        }
    }
}

extension SeededRandom {
    mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func one<Element>(of elements: [Element]) -> Element { elements[number(0..<elements.count)] }

    /// As many as by chance, each at most once, in their order.
    mutating func some<Element>(of elements: [Element], _ count: Range<Int>) -> [Element] {
        Array(0..<elements.count).shuffled(using: &self).prefix(number(count)).sorted().map { elements[$0] }
    }

    /// True once in so many times.
    mutating func seldom(_ times: Int) -> Bool { number(0..<times) == 0 }
}
