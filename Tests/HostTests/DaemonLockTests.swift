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

    @Test("Who shares it may go: it is never free, and the other one is told of from then on")
    func shared() throws {
        let former = try DaemonLock(name: name + "-shared")
        guard let second = former.share() else {
            Issue.record("there is room for one descriptor")
            return
        }
        let successor = DaemonLock(sharedBy: second)
        former.release()
        if former.share() != nil { Issue.record("it has none any more") }
        #expect(throws: DaemonLock.Failure.held(by: getpid())) { _ = try DaemonLock(name: name + "-shared") }
        successor.release()
        _ = try DaemonLock(name: name + "-shared")
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

    @Test("An ordinary user keeps nobody out who is another, and root keeps everybody out", .requires(.root))
    func otherUsers() async {
        await #expect(processExitsWith: .success) {
            let name = "portico-test-user-\(getpid())"
            try #require(seteuid(OrdinaryUser.id) == 0)
            let theirs = try DaemonLock(name: name)
            #expect(throws: DaemonLock.Failure.held(by: getpid())) { _ = try DaemonLock(name: name) }
            try #require(seteuid(0) == 0)
            _ = try DaemonLock(name: name)
            theirs.release()
            let ours = try DaemonLock(name: name)
            try #require(seteuid(OrdinaryUser.id) == 0)
            #expect(throws: DaemonLock.Failure.held(by: getpid())) { _ = try DaemonLock(name: name) }
            ours.release()
        }
    }

    @Test("Names that are too long for a socket are cut, and still keep others out")
    func longNames() throws {
        let long = name + String(repeating: "x", count: 200)
        let lock = try DaemonLock(name: long)
        #expect(throws: DaemonLock.Failure.held(by: getpid())) { _ = try DaemonLock(name: long) }
        lock.release()
    }
}
