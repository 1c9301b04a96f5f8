import Testing

@testable import Relay

/// The rule by which service ports share what is scarce.
@Suite struct SupplyTests {
    /// Service ports that take all they are given, in turns, until nobody is given anything.
    private func rush(_ supply: inout Supply, _ ports: Int) -> [Int] {
        var held = [Int](repeating: 0, count: ports)
        var goesOn = true
        while goesOn {
            goesOn = false
            for port in 0..<ports where supply.admits(held[port]) {
                supply.take(&held[port])
                goesOn = true
            }
        }
        return held
    }

    @Test(arguments: [(1, 80), (2, 44), (5, 19), (10, 9)])
    func whoWantsItAllLeavesSomething(ports: Int, most: Int) {
        var supply = Supply(capacity: 100)
        let held = rush(&supply, ports)
        #expect(held.allSatisfy { abs($0 - most) <= 1 }, "\(held)")
        #expect(supply.free > 0)
        #expect(supply.admits(0), "who has nothing gets one")
    }

    @Test func theLastIsForWhoHasNothing() {
        var supply = Supply(capacity: 5)
        #expect(rush(&supply, 1) == [4])
        #expect(supply.admits(0))
        var newcomer = 0
        supply.take(&newcomer)
        #expect(!supply.admits(0))
    }

    @Test func whatSomebodyLeavesIsThereForAll() {
        var supply = Supply(capacity: 100)
        var held = rush(&supply, 2)
        while held[1] > 0 { supply.giveBack(&held[1]) }
        while supply.admits(held[0]) { supply.take(&held[0]) }
        #expect(held[0] == 80)
        supply.giveBack(&held[0])
        #expect(supply.used == 79)
    }

    @Test func aSmallerOneWaitsUntilEnoughHasComeBack() {
        var supply = Supply(capacity: 100)
        var held = rush(&supply, 1)[0]
        supply.capacity = 50
        #expect(supply.free == 0 && !supply.admits(0))
        while held > 49 { supply.giveBack(&held) }
        #expect(supply.admits(0) && !supply.admits(held))
    }

    @Test func evenOneIsShared() {
        var supply = Supply(capacity: 1)
        #expect(rush(&supply, 3) == [1, 0, 0])
    }
}

@Suite struct TurnsTests {
    @Test func theyComeInTheOrderOfArrivalHoweverOftenTheyGoRound() {
        var turns = Turns()
        for item in 0..<5 as Range<UInt32> { turns.append(item) }
        var seen: [UInt32] = []
        for _ in 0..<1000 {
            guard let next = turns.next() else { break }
            seen.append(next)
            turns.append(next)
        }
        #expect(seen == (0..<1000).map { UInt32($0 % 5) })
        #expect(turns.count == 5)
        while turns.next() != nil {}
        #expect(turns.isEmpty && turns.count == 0)
    }
}

@Suite struct ListenerRoomTests {
    /// The sockets that each of so many doors gets.
    private func open(_ doors: Int, _ room: inout ListenerRoom) -> [Int] {
        (0..<doors).map { _ in
            let next = room.next
            if next > 0 { room.open(next) }
            return next
        }
    }

    @Test func aFewDoorsAreOpenAtEveryWorker() {
        var room = ListenerRoom(limit: 100, workers: 4)
        room.expected = 5
        #expect(open(5, &room) == [4, 4, 4, 4, 4])
    }

    @Test func everyDoorThatIsExpectedHasOneBeforeAnyHasMore() {
        var room = ListenerRoom(limit: 100, workers: 4)
        room.expected = 100
        #expect(open(101, &room) == [Int](repeating: 1, count: 100) + [0])
        room.close(1)
        #expect(room.next == 1)
    }

    @Test func unexpectedDoorsFindRoomToo() {
        var room = ListenerRoom(limit: 100, workers: 2)
        let sockets = open(100, &room)
        #expect(sockets.filter { $0 > 0 }.count >= 66, "\(sockets)")
        #expect(sockets[0] == 2 && room.sockets <= 100)
        #expect(sockets.last == 0)
    }

    @Test func oneWorkerListensEverywhere() {
        var room = ListenerRoom(limit: 10, workers: 1)
        #expect(open(11, &room) == [Int](repeating: 1, count: 10) + [0])
    }
}

@Suite struct DescriptorBudgetTests {
    @Test(arguments: [32, 64, 256, 1000, 1024, 20_000, 1 << 20])
    func thePartsFitTheLimit(limit: Int) {
        let budget = DescriptorBudget(limit: limit)
        for listening in [0, 1, budget.listeners / 2, budget.listeners] {
            let parts = listening + 2 * budget.connections(beside: listening) + budget.flows + 2 * budget.pipes
            #expect(parts <= budget.limit - budget.control)
        }
        #expect(budget.connections > 0 && budget.dials > 0 && budget.listeners > 0)
        #expect(budget.pipes <= 128)
        #expect(budget.dials <= budget.connections)
        #expect(budget.ceiling < limit)
    }

    @Test func listenersTakeRoomFromConnections() {
        let budget = DescriptorBudget(limit: 20_000)
        #expect(budget.connections > 7000)
        #expect(budget.connections(beside: 1000) < budget.connections)
        #expect(budget.connections(beside: budget.listeners) > 2000)
    }
}
