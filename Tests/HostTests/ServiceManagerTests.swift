import Glibc
import Host
import TestSupport
import Testing

/// With a socket in systemd's place.
@Suite(.timeLimit(.minutes(1))) struct ServiceManagerTests {
    @Test(arguments: [false, true]) func saysWhatTheServiceIsDoing(_ isAbstract: Bool) throws {
        let systemd = try FakeManager(isAbstract: isAbstract)
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": systemd.name])
        #expect(manager.isPresent)
        manager.ready()
        #expect(try systemd.next() == "READY=1")
        manager.status("serves 3 Services\nand more")
        #expect(try systemd.next() == "STATUS=serves 3 Services; and more")
        manager.ready(mainPID: 42)
        #expect(try systemd.next() == "MAINPID=42\nREADY=1")
        manager.reloading()
        #expect(try systemd.next().wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=\d+/) != nil)
        manager.stopping()
        #expect(try systemd.next() == "STOPPING=1")
        manager.ping()
        manager.status("last")
        #expect(try systemd.next() == "STATUS=last", "nobody watches, so there was no ping")
    }

    @Test func tellsHowOftenToPingWhereItIsWatched() throws {
        let systemd = try FakeManager(isAbstract: true)
        let watched = ["NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": "30000000"]
        let manager = ServiceManager(environment: watched)
        #expect(manager.watchdogInterval == .seconds(15))
        manager.ping()
        #expect(try systemd.next() == "WATCHDOG=1")

        let mine = watched.merging(["WATCHDOG_PID": "77"]) { $1 }
        #expect(ServiceManager(environment: mine, pid: 77).watchdogInterval == .seconds(15))
        #expect(ServiceManager(environment: mine, pid: 78).watchdogInterval == nil, "meant for a parent")
        #expect(ServiceManager(environment: ["WATCHDOG_USEC": "30000000"]).watchdogInterval == nil)
        for text in ["0", "-1", "soon"] {
            let odd = watched.merging(["WATCHDOG_USEC": text]) { $1 }
            #expect(ServiceManager(environment: odd).watchdogInterval == nil)
        }
    }

    @Test(arguments: [
        nil, "", "@", "relative/path", "/nowhere/at/all", "/" + String(repeating: "x", count: 200),
        "@" + String(repeating: "x", count: 200),
    ])
    func withoutAManagerNothingHappens(_ name: String?) {
        let manager = ServiceManager(environment: name.map { ["NOTIFY_SOCKET": $0] } ?? [:])
        manager.ready()
        manager.stopping()
        if name?.count ?? 0 < 2 { #expect(!manager.isPresent) }
    }

    @Test func aManagerThatDoesNotReadHoldsNobodyUp() throws {
        let systemd = try FakeManager(isAbstract: true)
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": systemd.name])
        for number in 0..<5_000 { manager.status("\(number)") }
        #expect(try systemd.next() == "STATUS=0")
    }
}

/// A datagram socket at a path or an abstract name.
private final class FakeManager {
    let name: String
    private let descriptor: Int32
    private let folder: TemporaryDirectory

    init(isAbstract: Bool) throws {
        folder = try TemporaryDirectory()
        name = isAbstract ? "@" + folder.path : folder.file("notify")
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if isAbstract { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count + (isAbstract ? 0 : 1))
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(status == 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// The next datagram.
    func next() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        try #require(count >= 0)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
