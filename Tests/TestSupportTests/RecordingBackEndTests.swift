import Balancing
import Base
import Objects
import Redirect
import TestSupport
import Testing

@Suite("A back end without a kernel") struct RecordingBackEndTests {
    private let backEnd = RecordingBackEnd()
    private let id = ServicePortID(ServicePortName(namespace: "default", service: "web", port: "http"), .tcp)
    private let key = ObjectKey(namespace: "default", name: "web")

    private var change: KernelChange {
        let node = NodeRedirection(networks: [.ipv4: NodeNetwork(hostIP: ip("192.168.1.5"))])
        let portal = Portal(id, .clusterIP(ip("10.96.0.1")), port: 80, outside: .reject)
        return KernelChange(services: [key: [portal]], node: node)
    }

    @Test("It remembers what it is told, call by call and all in all")
    func records() async throws {
        let first = await backEnd.apply(change, checking: false)
        #expect(try first.families[.ipv4]?.outcome.get() == .applied(lines: 1))
        #expect(first.families[.ipv6] == nil)
        #expect(try await backEnd.apply(KernelChange(), checking: true).families[.ipv4]?.outcome.get() == .unchanged)
        let calls = await backEnd.calls
        #expect(calls.map(\.isChecking) == [false, true] && calls.first?.change == change)
        _ = await backEnd.apply(KernelChange(services: [key: []]), checking: false)
        #expect(await backEnd.told.services.isEmpty)
        #expect(await backEnd.told.node == change.node)
        await backEnd.forgetCalls()
        #expect(await backEnd.calls.isEmpty)
    }

    @Test("It fails and refuses as it is asked to")
    func fails() async throws {
        let error = RedirectError.notInstalled(program: "iptables")
        await backEnd.fail(.ipv4, error)
        #expect(await !backEnd.apply(change, checking: false).isInForce)
        #expect(await !backEnd.isInForce)
        await backEnd.fail(.ipv4, nil)
        await backEnd.refuse(id, .ipv4, error)
        let result = await backEnd.apply(KernelChange(), checking: false)
        #expect(result.isInForce && result.families[.ipv4]?.refused.map(\.owner) == [id])
        _ = await backEnd.apply(KernelChange(services: [key: []]), checking: false)
        #expect(await backEnd.apply(KernelChange(), checking: false).families[.ipv4]?.refused == [])
    }

    @Test("It takes as long as it is asked to")
    func waits() async throws {
        let cue = Cue()
        await backEnd.wait(for: cue)
        async let slow = backEnd.apply(change, checking: false)
        #expect(await eventually { await backEnd.calls.count == 1 })
        #expect(await !backEnd.isInForce)
        cue.give()
        #expect(await slow.isInForce)
    }
}
