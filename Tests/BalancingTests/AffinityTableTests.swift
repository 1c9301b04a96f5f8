import Base
import TestSupport
import Testing

@testable import Balancing

@Suite("Affinity table")
struct AffinityTableTests {
    private static func client(_ number: UInt32) -> IPAddress { IPAddress(v4: number) }

    @Test("Many threads that ask for the same new clients are given the same endpoints")
    func agreement() async {
        let endpoints = (1...7).map { Endpoint(EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        let route = ServiceRoute(Balancer(inOrder: endpoints), ServicePolicy(affinity: .clientIP(seconds: 60)))
        let answers = await withTaskGroup(of: [ObjectIdentifier?].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<2000).map { number in
                        route.pick(for: Self.client(number), at: UInt64(number)).map(ObjectIdentifier.init)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0 == answers[0] })
        #expect(route.pins.count == 2000)
        // Nobody's turn was taken twice.
        #expect(Dictionary(grouping: answers[0], by: { $0 }).values.allSatisfy { (285...286).contains($0.count) })
    }

    @Test("A worker whose clock is a little behind takes nothing from a client's time")
    func behind() {
        var list = PinList(capacity: 1)
        let (client, endpoint) = (Self.client(1), Endpoint(EndpointAddress(ip: IPAddress(v4: 1), port: 80)))
        list.pin(client, to: endpoint, at: 10_000)
        #expect(list.use(client, seconds: 10, at: 9_000) === endpoint)
        #expect(list.use(client, seconds: 10, at: 19_500) === endpoint)
    }

    @Test("A list of pins agrees with a dictionary under random use", arguments: 0..<20)
    func model(seed: UInt64) {
        var random = SplitMix(seed)
        let endpoints = (1...4).map { Endpoint(EndpointAddress(ip: IPAddress(v4: $0), port: 80)) }
        let (capacity, seconds) = (8, 3)
        var list = PinList(capacity: capacity)
        // Oldest first.
        var model: [(client: IPAddress, endpoint: Endpoint, lastUsed: UInt64)] = []
        var now: UInt64 = 0
        for _ in 0..<3000 {
            now += random.next() % 700
            let client = Self.client(UInt32(random.next() % 12))
            let endpoint = endpoints[Int(random.next() % 4)]
            let place = model.firstIndex { $0.client == client }
            switch random.next() % 8 {
            case 0..<4:
                let found = list.use(client, seconds: seconds, at: now)
                let isAlive = place.map { (now - model[$0].lastUsed) / 1000 < UInt64(seconds) } ?? false
                #expect((found != nil) == isAlive)
                if let place, isAlive {
                    var pin = model.remove(at: place)
                    #expect(found === pin.endpoint)
                    pin.lastUsed = now
                    model.append(pin)
                }
            case 4, 5:
                list.pin(client, to: endpoint, at: now)
                if let place { model.remove(at: place) } else if model.count == capacity { model.removeFirst() }
                model.append((client, endpoint, now))
            case 6:
                list.unpin(client, from: endpoint)
                if let place, model[place].endpoint === endpoint { model.remove(at: place) }
            default:
                list.removeExpired(seconds: seconds, at: now)
                model.removeAll { (now - $0.lastUsed) / 1000 >= UInt64(seconds) }
            }
            #expect(list.count == model.count)
        }
    }
}

/// The same numbers for the same seed.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
