import Glibc
import Host
import TestSupport
import Testing

@Suite struct DaemonLockTests {
    private let name = "portico-test-\(getpid())"

    @Test func oneHasItAndTheOthersLearnWhoThatIs() throws {
        let lock = try DaemonLock(name: name)
        for _ in 0..<3 {
            #expect(throws: DaemonLock.Failure.held(by: getpid())) { _ = try DaemonLock(name: name) }
        }
        lock.release()
        lock.release()
        let next = try DaemonLock(name: name)
        next.release()
    }

    @Test func whoIsGoneLeavesItFree() throws {
        do { _ = try DaemonLock(name: name + "-gone") }
        _ = try DaemonLock(name: name + "-gone")
    }

    @Test(.requires(.root, .networkNamespaces)) func anotherNetworkHasALockOfItsOwn() async throws {
        let lock = try DaemonLock(name: name + "-here")
        let name = name + "-here"
        try await OwnResources.inOwnNetwork(ports: 40_000...40_100) { _ = try DaemonLock(name: name) }
        lock.release()
    }
}
