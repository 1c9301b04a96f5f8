import Base
import DemoPods
import EventLoop
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct PodLifeTests {
    @Test func descriptorsBeyondTheCeilingAreLeftToOthers() throws {
        let pods = try DemoPods(ceiling: 0)
        let error = try #require(throws: SystemError.self) {
            try pods.standIn(podName: "a", address: "10.244.2.3:80")
        }
        #expect(error.isOutOfDescriptors)
        pods.shutdown()
    }

    @Test func eachPortOfAPodHasOnePlace() throws {
        let pods = try DemoPods()
        let http = try pods.standIn(podName: "a", address: "10.244.2.3:80")
        #expect(http.description.hasPrefix("127.0.0.1:"))
        #expect(try pods.standIn(podName: "a", address: "10.244.2.3:80") == http)
        #expect(try pods.standIn(podName: "a", address: "10.244.2.3:443") != http)
        #expect(try pods.standIn(podName: "b", address: "10.244.2.3:80") != http)
    }

    @Test func goesDownOnAllItsPortsAndNoOtherPodDoes() async throws {
        let pods = try DemoPods()
        let (http, https) = (try pods.port(of: "a"), try pods.port(of: "a", at: "10.244.2.3:443"))
        let other = try pods.port(of: "b")
        let bystander = try ScriptedPeer.connect(
            to: https, script: [.send(getRequest), .expect(answer(of: "a")), .receiveReset])
        #expect(await eventually { bystander.progress.received.count == answer(of: "a").utf8.count })
        let neighbour = try ScriptedPeer.connect(
            to: other, script: [.send(getRequest), .expect(answer(of: "b")), .wait(Cue())])

        let text = try await exchange("POST /down HTTP/1.1\r\n\r\n", with: http)
        #expect(text.hasSuffix("Connection: close\r\n\r\na goes down\n"))
        #expect(try await bystander.finished().sawReset)
        #expect(await isRefused(http))
        #expect(await isRefused(https))
        #expect(try await exchange(lastGetRequest, with: other).hasSuffix("b\n"))
        #expect(!neighbour.progress.sawReset && !neighbour.progress.sawEnd)
    }

    @Test func staysDownAtItsPlaceUntilItComesUp() async throws {
        let pods = try DemoPods()
        let port = try pods.port(of: "a")
        pods.down(podName: "a")
        #expect(await eventually { await isRefused(port) })
        // The manifest is read again and still has it, and its other port is asked for: it is as dead as before.
        pods.update(keeping: ["a", "b"])
        let late = try pods.port(of: "a", at: "10.244.2.3:443")
        #expect(try pods.port(of: "a") == port)
        #expect(await eventually { await isRefused(late) })
        #expect(await isRefused(port))
        pods.up(podName: "a")
        for port in [port, late] {
            #expect(await eventually { await !isRefused(port) })
            #expect(try await exchange(lastGetRequest, with: port).hasSuffix("a\n"))
        }
        pods.up(podName: "a")  // it is up already
        #expect(try await exchange(lastGetRequest, with: port).hasSuffix("a\n"))
    }

    @Test func aPodThatIsGoneFromTheManifestTakesNothingNewAndComesBackUp() async throws {
        let pods = try DemoPods()
        let (gone, kept) = (try pods.port(of: "gone"), try pods.port(of: "kept"))
        let goOn = Cue()
        let client = try ScriptedPeer.connect(
            to: gone,
            script: [
                .send(getRequest), .expect(answer(of: "gone")), .wait(goOn), .send(getRequest),
                .expect(answer(of: "gone")),
            ])
        #expect(await eventually { client.progress.received.count > 0 })
        pods.update(keeping: ["kept"])
        #expect(await eventually { await !answers(gone, "gone") })
        goOn.give()
        _ = try await client.finished()

        #expect(try await exchange(lastGetRequest, with: kept).hasSuffix("kept\n"))
        #expect(try pods.port(of: "kept") == kept)
        let gonePort = try pods.port(of: "gone")
        #expect(try await exchange(lastGetRequest, with: gonePort).hasSuffix("gone\n"))
    }

    @Test func aPodThatWentDownIsUpWhenItIsAddedAgain() async throws {
        let pods = try DemoPods()
        _ = try await exchange("POST /down HTTP/1.1\r\n\r\n", with: pods.port(of: "a"))
        let dead = try pods.port(of: "a")
        #expect(await isRefused(dead))
        pods.update(keeping: [])
        let aPort = try pods.port(of: "a")
        #expect(try await exchange(lastGetRequest, with: aPort).hasSuffix("a\n"))
    }

    @Test func answersDatagramsAtTheSamePort() async throws {
        let pods = try DemoPods()
        let port = try pods.port(of: "dns1", at: "10.244.2.3:53")
        let client = try UDPClient(to: port)
        #expect(try await client.ask("hello") == "dns1: hello")
        #expect(try await client.ask("") == "dns1: ")
        let large = String(repeating: "x", count: 60_000)
        #expect(try await client.ask(large) == "dns1: " + large)
        for number in 0..<100 { try client.send("\(number)") }
        #expect(try await client.receive() == Array("dns1: 0".utf8))

        pods.down(podName: "dns1")
        #expect(await eventually { await isRefused(port) })
        let late = try UDPClient(to: port)
        await #expect(throws: PeerError.self, "port unreachable") { try await late.ask("anybody there?") }
        pods.up(podName: "dns1")
        #expect(
            await eventually { (try? await UDPClient(to: port).ask("again", within: .seconds(1))) == "dns1: again" })
    }

    @Test func shutdownEndsEverythingAndIsFinal() async throws {
        let pods = try DemoPods()
        let port = try pods.port(of: "ended")
        let client = try ScriptedPeer.connect(
            to: port, script: [.send(getRequest), .expect(answer(of: "ended")), .receiveAll])
        #expect(await eventually { client.progress.received.count > 0 })
        pods.shutdown()
        pods.shutdown()
        _ = try await client.finished()
        #expect(await !answers(port, "ended"))
        let error = try #require(throws: SystemError.self) { try pods.port(of: "a") }
        #expect(error.code == ECANCELED)
        // Without effect, and harmless.
        pods.update(keeping: [])
        pods.up(podName: "a")
        pods.down(podName: "a")
    }

    @Test func theyEndWithTheirOwner() async throws {
        var pods: DemoPods? = try DemoPods()
        let port = try #require(try pods?.port(of: "owned"))
        pods = nil
        #expect(await !answers(port, "owned"))
    }

    @Test func leavesNoDescriptorBehind() async {
        await #expect(processExitsWith: .success) {
            try await Descriptors.settle()
            _ = try DemoPods()  // the first loop of a process makes some for good, too
            let baseline = Descriptors.open()
            do {
                let pods = try DemoPods()
                let port = try pods.port(of: "a")
                let idle = Descriptors.open()
                for _ in 0..<20 { _ = try await exchange(lastGetRequest, with: port) }
                // These go without a word, and the last one does not end when the pod does.
                _ = try await ClientCrowd.connect(50, to: port).close()
                do {
                    let holder = try ScriptedPeer.connect(to: port, script: [.send(lastGetRequest), .sendUntilReset])
                    #expect(try await holder.finished().sawReset)
                }
                await expectDescriptorsBackTo(idle)
                _ = try await exchange("POST /down HTTP/1.1\r\n\r\n", with: port)
                for number in 0..<20 { _ = try pods.port(of: "pod \(number)") }
                _ = try await exchange(lastGetRequest, with: pods.port(of: "pod 7"))
                pods.update(keeping: ["pod 7"])
                pods.shutdown()
            }
            await expectDescriptorsBackTo(baseline)
        }
    }

    @Test func shortOfDescriptorsItWaitsAndGoesOn() async {
        await #expect(processExitsWith: .success) {
            try await Descriptors.settle()
            let pods = try DemoPods()
            let address = try pods.standIn(podName: "a", address: "10.244.2.3:80")
            let datagrams = try UDPClient(to: address.port)
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let before = limit.rlim_cur
            // No number above 2 can be given out; 0 would forbid poll as well.
            limit.rlim_cur = 3
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            #expect(Self.connect(client, to: address.port))
            // The loop has met the connection by the time it answers a datagram, and can still do something else.
            #expect(try await datagrams.ask("busy?") == "a: busy?")
            #expect(try await datagrams.ask("still?") == "a: still?")
            let error = #expect(throws: SystemError.self) { try pods.port(of: "b") }
            #expect(error?.code == EMFILE)
            limit.rlim_cur = before
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)

            let peer = try ScriptedPeer.adopt(client, script: [.send(lastGetRequest), .receiveAll])
            #expect(try await peer.finished().received.text == answer(of: "a", connection: "close"))
        }
    }

    private static func connect(_ socket: Int32, to port: UInt16) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
