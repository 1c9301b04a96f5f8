import CBench
import Glibc
import Measure
import Testing

@testable import Load

extension LoadTests {
    /// The API server of `portico-bench tunnels`, spoken to by hand. That kubectl can, every run of it shows.
    @Suite("The API server that tunnels go through", .enabled(if: access("/usr/bin/cc", X_OK) == 0))
    struct PortForwardServerTests {
        /// What kubectl 1.20 opened a forward of port 8080 with, as recorded; the ports there are the server's here.
        private static let opening =
            "800300010000003e0000000100000000000078f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45e01c606160"
            + "61c0c0c0c0590489c64c50f2663400000000ffff" + "0000000101000000"
            + "800300010000001a00000003000000000000826a26ac0ad57850499508000000ffff"
        private static let replies =
            "80030002000000180000000178f9e3c6a7c2000400fbff000000000000" + "00ffff"
            + "80030002000000120000000300" + "0400fbff00000000000000ffff"

        @Test(
            "SPDY as kubectl speaks it: streams are acknowledged; a pod that is not there resets one, and ends the other"
        )
        func spdy() throws {
            let server = try ForwardServer(to: 1)
            let connection = try server.connect()
            defer { close(connection) }
            try send("POST \(Self.path) HTTP/1.1\r\nUpgrade: SPDY/3.1\r\n\r\n", on: connection)
            #expect(try head(of: connection).contains("Upgrade: SPDY/3.1"))
            let bytes = bytes(of: Self.opening)
            // In one piece, and before that byte by byte as far as the first stream goes.
            for byte in bytes[..<70] { #expect(writeFully(connection, [byte], 1)) }
            #expect(writeFully(connection, Array(bytes[70...]), bytes.count - 70))
            // Port 8080 of "the pod" is that port of this machine, on which nobody listens here.
            let end = "8003000300000008" + "00000003" + "00000005" + "0000000101000000"
            #expect(hex(try read(connection, (Self.replies.count + end.count) / 2)) == Self.replies + end)
        }

        @Test("The same in messages of a WebSocket, masked and of one byte each")
        func webSocket() throws {
            let server = try ForwardServer(to: 1)
            let connection = try server.connect()
            defer { close(connection) }
            try send(
                "GET \(Self.path) HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", on: connection)
            // RFC 6455, 1.3.
            #expect(try head(of: connection).contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
            for byte in bytes(of: Self.opening) {
                #expect(writeFully(connection, [0x82, 0x81, 7, 1, 2, 3, byte ^ 7], 7))
                #expect(writeFully(connection, [0x82, 0x80, 9, 9, 9, 9], 6))
            }
            let first = try read(connection, 2 + 32)
            #expect(hex(first) == "8220" + Self.replies.prefix(64))
        }

        @Test("A Service, its pods and its EndpointSlice are there; a watch of the streaming kind is not")
        func objects() throws {
            let server = try ForwardServer(to: 1)
            for (target, words) in [
                ("/api", "\"v1\""), ("/api/v1/namespaces/default/services/web", "\"targetPort\":1"),
                ("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb", "\"web-2\""),
                ("/api/v1/namespaces/default/pods/web-2", "\"192.0.2.2\""),
                ("/api/v1/namespaces/default/pods/web-9", "\"code\":404"),
                ("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "\"targetRef\""),
                ("/api/v1/services?watch=true&sendInitialEvents=true", "\"code\":422"),
            ] {
                let connection = try server.connect()
                defer { close(connection) }
                try send("GET \(target) HTTP/1.1\r\n\r\n", on: connection)
                let head = try head(of: connection)
                let mark = try #require(head.firstRange(of: "Content-Length: "))
                let length = try #require(Int(head[mark.upperBound...].prefix { $0.isNumber }))
                #expect(String(decoding: try read(connection, length), as: UTF8.self).contains(words))
            }
        }

        private static let path = "/api/v1/namespaces/default/pods/web-1/portforward"

        private func send(_ text: String, on connection: Int32) throws {
            try #require(writeFully(connection, Array(text.utf8), text.utf8.count))
        }

        private func read(_ connection: Int32, _ count: Int) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            try #require(readFully(connection, &bytes, count))
            return bytes
        }

        private func head(of connection: Int32) throws -> String {
            var head: [UInt8] = []
            while !head.suffix(4).elementsEqual([13, 10, 13, 10]) { head += try read(connection, 1) }
            return String(decoding: head, as: UTF8.self)
        }

        private func bytes(of hex: String) -> [UInt8] {
            stride(from: 0, to: hex.utf8.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
        }

        private func hex(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}

/// The server, built once, as a process that ends with the value.
private final class ForwardServer {
    private let port = takePort()
    private let process: Int32

    private static let program: String? = {
        let package = #filePath.firstRange(of: "/Tests/").map { String(#filePath[..<$0.lowerBound]) } ?? ""
        let folder = package + "/Peers/port-forward-server/"
        let program = "/tmp/portico-bench-test-\(getpid())-port-forward-server"
        let sources = ["main", "connection", "http", "frames", "forward"].map { folder + $0 + ".c" }
        let built = runs(
            ["/usr/bin/cc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program] + sources + ["-lz"])
        return built ? program : nil
    }()

    init(to target: UInt16) throws {
        process = spawn([try #require(Self.program), "\(port)", "1", "3", "\(target)"])
        try #require(process > 0)
    }

    deinit { if process > 0 { bench_end(process) } }

    func connect() throws -> Int32 {
        for _ in 0..<2000 {
            let connection = bench_tcp_connect(port, 0)
            if connection >= 0 { return connection }
            usleep(1000)
        }
        return try CallFailure.check("connect", bench_tcp_connect(port, 0))
    }
}
