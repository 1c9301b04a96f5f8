import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Host

@Suite("Whose sockets are whose") struct ProcessSocketsTests {
    @Test("A process has its own sockets, and no others")
    func own() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        let port = try TCPSocket.localAddress(of: listener).port
        let inode = try #require(ListeningSockets.all(.tcp, port: port).first).inode
        #expect(ProcessSockets.inodes(of: getpid()).contains(inode))
        #expect(!ProcessSockets.inodes(of: 1).contains(inode) || getpid() == 1)
        #expect(ProcessSockets.inodes(of: Int32.max).isEmpty)
    }

    @Test("The family of a process are those that it has started, and they in turn", .requires(.tool("sh")))
    func family() async throws {
        let shell = try ChildProcess(try #require(findProgram("sh")), ["-c", "sleep 60 & echo $!; wait"])
        defer { shell.signal(SIGKILL) }
        #expect(await eventually { shell.output.contains("\n") })
        let child = try #require(Int32(shell.output.prefix { $0 != "\n" }))
        defer { kill(child, SIGKILL) }
        #expect(ProcessSockets.family(of: shell.pid) == [shell.pid, child])
        #expect(Set([shell.pid, child]).isSubset(of: ProcessSockets.family(of: getpid())))
        #expect(ProcessSockets.family(of: child) == [child])
    }
}
