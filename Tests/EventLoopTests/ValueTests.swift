import Base
import EventLoop
import Glibc
import Testing

@Suite struct SystemErrorTests {
    @Test func saysWhatWasTriedOnWhatAndWhy() {
        let error = SystemError("listen on", "127.0.0.1:80", code: EACCES)
        #expect(error.description == "listen on 127.0.0.1:80: Permission denied")
        #expect(error.reason == "Permission denied")
        #expect(error.isPermissionDenied && !error.isAddressInUse)
    }

    @Test func doesWithoutASubject() {
        #expect(SystemError("create a pipe", code: EMFILE).description == "create a pipe: Too many open files")
    }

    @Test func unknownCodesHaveATextToo() {
        #expect(SystemError.reason(99_999).contains("99999"))
        #expect(SystemError.reason(-1).contains("-1"))
    }

    @Test func isAValue() {
        #expect(SystemError("a", "b", code: 1) == SystemError("a", "b", code: 1))
        #expect(SystemError("a", "b", code: 1) != SystemError("a", "b", code: 2))
    }
}

@Suite struct SocketAddressTests {
    @Test(arguments: [
        (SocketAddress.loopback(port: 80), "127.0.0.1:80"),
        (SocketAddress(v4: 0x0AF4_0203, port: 65535), "10.244.2.3:65535"),
        (SocketAddress(v4: 0, port: 0), "0.0.0.0:0"),
        (SocketAddress(v6High: 0, low: 1, port: 443), "[::1]:443"),
        (SocketAddress(v6High: 0, low: 0, port: 53), "[::]:53"),
        (SocketAddress(v6High: 0xFD00_0010_0244_0000, low: 0x0A, port: 8080), "[fd00:10:244::a]:8080"),
        (SocketAddress(v6High: 0, low: 0xFFFF_0A00_0001, port: 1), "[::ffff:10.0.0.1]:1"),
    ])
    func prints(_ address: SocketAddress, _ text: String) {
        #expect(address.description == text)
    }

    @Test func familiesAreDistinct() {
        #expect(SocketAddress(v4: 1, port: 1) != SocketAddress(v6High: 0, low: 1, port: 1))
        #expect(SocketAddress(v4: 0, port: 80).isUnspecified && SocketAddress(v6High: 0, low: 0, port: 1).isUnspecified)
        #expect(!SocketAddress.loopback(port: 0).isUnspecified)
    }

    @Test func comesBackFromTheKernelAsItWentIn() throws {
        // Every byte of the address is different, and the port's two as well.
        let address = SocketAddress(v4: 0x7F01_0203, port: 0)
        let listener = try TCPSocket.listen(on: address)
        let local = try TCPSocket.localAddress(of: listener)
        #expect(local.port != 0)
        #expect(local == SocketAddress(v4: 0x7F01_0203, port: local.port))
    }
}

@Suite struct ReadinessValueTests {
    @Test func casesDoNotOverlap() {
        let all: [Readiness] = [.readable, .writable, .peerDone, .hangup, .failed]
        let union = all.reduce(into: Readiness()) { $0.formUnion($1) }
        #expect(union.rawValue.nonzeroBitCount == all.count)
    }
}
