import Glibc
import TestSupport
import Testing

@testable import portico

@Suite("Where processes take over from each other") struct SuccessionTests {
    @Test("Where no socket can be made is seen at the start, not when the next process comes")
    func obstacles() throws {
        let folder = try TemporaryDirectory()
        #expect(Succession.obstacle(to: folder.file("new")) == nil)
        #expect(Succession.obstacle(to: "/new") == nil || geteuid() != 0)
        try folder.write("", to: "file")
        #expect(Succession.obstacle(to: folder.file("file"))?.contains("is a file, and not a socket") == true)
        #expect(Succession.obstacle(to: folder.path)?.contains("is a folder") == true)
        #expect(symlink("/nonexistent/socket", folder.file("link")) == 0)
        #expect(Succession.obstacle(to: folder.file("link"))?.contains("leads nowhere") == true)
        let missing = Succession.obstacle(to: folder.file("none/socket"))
        #expect(missing == "a socket cannot be made in \(folder.file("none")): no such file or directory")
        // Made before: of a process that is there, or was.
        let place = UnixSocket(folder.file("socket"))
        defer { place.close() }
        #expect(Succession.obstacle(to: folder.file("socket")) == nil)
    }

    private struct UnixSocket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)

        init(_ path: String) {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }

        func close() { _ = Glibc.close(descriptor) }
    }
}
