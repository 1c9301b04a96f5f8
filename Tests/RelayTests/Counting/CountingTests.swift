import Balancing
import Base
import Dispatch
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// What is counted can be read at any time, and nothing of it is lost.
@Suite(.timeLimit(.minutes(2))) struct CountingTests {
    @Test func nobodyIsAskedForCounters() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port], workers: 1)
        let client = try harness.client(.send("hello"), .expect("hello"), .receiveAll)
        #expect(await eventually { harness.relay.counters(of: harness.id)?.bytesDown == 5 })

        // The only worker stands still from here on.
        let (stands, goesOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        harness.relay.workers[0].loop.execute {
            stands.signal()
            goesOn.wait()
        }
        stands.waitForIt()
        let counters = try #require(harness.relay.counters(of: harness.id))
        #expect(counters.accepted == 1 && counters.open == 1 && counters.bytesUp == 5)
        #expect(harness.relay.total.open == 1 && harness.relay.total.copiedBytes == 10)
        #expect(harness.relay.snapshot().ports == [harness.id: counters])
        goesOn.signal()

        let unknown = ServicePortID(ServicePortName(namespace: "default", service: "other"), .tcp)
        #expect(harness.relay.counters(of: unknown) == nil)
        await harness.stop()
        _ = await client.report()
    }

    @Test func bytesAreCountedWhileAConnectionIsOpen() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let end = Cue()
        // Enough to be spliced.
        let size = 8 << 20
        let client = try harness.client(
            .meanwhile([.sendPattern(count: size, seed: 1)]), .expect(size), .wait(end), .shutdownWrite, .receiveAll)
        #expect(
            await eventually(within: .seconds(60)) {
                let counters = harness.relay.counters(of: harness.id)
                return counters?.bytesUp == UInt64(size) && counters?.bytesDown == UInt64(size)
            })
        #expect(harness.relay.counters(of: harness.id)?.open == 1)
        end.give()
        _ = try await client.finished()
        let counters = await harness.counters
        #expect(counters.bytesUp == UInt64(size) && counters.bytesDown == UInt64(size), "and not once more at the end")
        await harness.stop()
    }

    @Test func whatARemovedServicePortCountedStaysInTheSum() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let goesOn = Cue()
        let client = try harness.client(
            .send("12"), .expect("12"), .wait(goesOn), .send("345"), .expect("345"), .shutdownWrite, .receiveAll)
        #expect(await eventually { harness.relay.counters(of: harness.id)?.bytesDown == 2 })
        await harness.relay.remove(harness.id)
        #expect(harness.relay.counters(of: harness.id) == nil)
        var sum = harness.relay.snapshot().sum
        #expect(sum.accepted == 1 && sum.bytesUp == 2, "at once")
        #expect(sum.open == 1, "it is open still")

        // The same service port anew begins at 0, and adds to the same sum.
        await harness.relay.serve(harness.id, with: RelayHarness.balancer([server.port]))
        var anew = PortCounters()
        anew.endpoints = 1
        #expect(harness.relay.counters(of: harness.id) == anew)
        goesOn.give()
        _ = try await client.finished()
        await harness.relay.settle()
        sum = harness.relay.snapshot().sum
        #expect(sum.accepted == 1 && sum.bytesUp == 5 && sum.bytesDown == 5 && sum.open == 0)
        sum.endpoints = 0
        #expect(harness.relay.total.removed == sum, "apart from what is served now")
        await harness.stop()
    }

    /// Service ports come and go while clients use them and others count: no number of the sum ever falls.
    @Test func theSumNeverFalls() async throws {
        let server = try ScriptedServer.identity("a")
        let harness = try await RelayHarness(endpoints: [server.port])
        let isOver = Locked(false)
        let relay = harness.relay
        async let reader = Task.detached {
            var last = relay.snapshot().sum
            var readings = 0
            while !isOver.withLock({ $0 }) {
                let now = relay.snapshot().sum
                #expect(now.accepted >= last.accepted && now.bytesDown >= last.bytesDown)
                last = now
                readings += 1
                await Task.yield()
            }
            return readings
        }.value
        for round in 0..<30 {
            let id = ServicePortID(ServicePortName(namespace: "default", service: "web-\(round)"), .tcp)
            await relay.serve(id, with: RelayHarness.balancer([server.port]))
            let port = try await relay.open(id, on: EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)).address
                .port
            let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
            #expect(try await client.finished().received.text == "a")
            await relay.remove(id)
        }
        await relay.settle()
        isOver.withLock { $0 = true }
        #expect(await reader > 0)
        #expect(await eventually { relay.snapshot().sum.bytesDown == 30 })
        #expect(relay.snapshot().sum.accepted == 30)
        await harness.stop()
    }

    @Test func onlyWhatWasRemovedIsInTheSumOfTheRemoved() {
        let removed = RemovedPorts()
        for isRemoved in [true, false] {
            let meter = PortMeter(workers: 2, removed: removed)
            meter.cells(of: 1).pointee.accepted.add(3)
            if isRemoved { meter.leave() }
        }
        #expect(removed.sum.accepted == 3)
    }

    @Test func workersDoNotShareCacheLines() {
        let meter = PortMeter(workers: 3, removed: RemovedPorts())
        let places = (0..<3).map { Int(bitPattern: meter.cells(of: $0)) }
        #expect(places.allSatisfy { $0 % 64 == 0 })
        #expect(Set(places.map { $0 / 64 }).count == 3)
        #expect(places[1] - places[0] >= MemoryLayout<PortCells>.size)
        meter.cells(of: 0).pointee.accepted.add(2)
        meter.cells(of: 2).pointee.accepted.add()
        meter.cells(of: 1).pointee.open.add(-1)
        #expect(meter.sum.accepted == 3 && meter.sum.open == -1)
    }
}

extension DispatchSemaphore {
    /// Not offered to asynchronous functions: here it is a worker that is waited for, and for a moment.
    fileprivate func waitForIt() { wait() }
}
