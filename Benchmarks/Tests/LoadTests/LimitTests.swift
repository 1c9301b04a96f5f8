import CBench
import Glibc
import Measure
import Testing

@testable import Load

// Inside the other suite because neither is to be disturbed by the other's load.
extension LoadTests {
    /// The yardstick carries what it is measured with, and carries it right.
    @Suite("The minimal relay in C", .enabled(if: access("/usr/bin/cc", X_OK) == 0))
    struct LimitTests {
        @Test(
            "It carries every kind of load",
            arguments: ["bulk-up-4", "bulk-down-1", "echo-4", "short-64", "rr-64", "udp-rr-64", "udp-1400-paced"])
        func throughput(name: String) throws {
            let scenario = try #require(Scenario.catalogue.first { $0.name == name })
            var spec = try startBackend(of: scenario)
            // Loopback's queue overflows now and then, and a retransmission may take longer than a short window.
            spec.seconds = 1.5
            defer { unlink(spec.counters) }
            let relay = try Relay(scenario.transport, to: [spec.port])
            spec.port = relay.port
            let result = Load.run(spec)
            #expect(result.failure == nil)
            #expect(result.operations > 0)
            // A datagram counts as lost after a tenth of a second, which a busy machine may need.
            if scenario.transport == .tcp { #expect(result.errors == 0) }
        }

        @Test("A half-closed stream is answered")
        func halfClose() throws {
            var spec = try startBackend(of: try #require(Scenario.catalogue.first { $0.load == "halfClose" }))
            defer { unlink(spec.counters) }
            let relay = try Relay(.tcp, to: [spec.port])
            spec.port = relay.port
            #expect(Load.run(spec).works == true)
        }

        @Test("Copied and spliced, no byte is lost, doubled or moved")
        func integrity() throws {
            let spec = try startBackend(of: try #require(Scenario.catalogue.first { $0.name == "echo-4" }))
            defer { unlink(spec.counters) }
            let relay = try Relay(.tcp, to: [spec.port])
            let connection = try CallFailure.check("connect", bench_tcp_connect(relay.port, 0))
            defer { close(connection) }
            // A period no buffer has, and writes of all sizes.
            let sent = (0..<(16 << 20)).map { UInt8(truncatingIfNeeded: $0 % 251) }
            startThread {
                var position = 0
                var size = 1
                while position < sent.count {
                    let count = min(size, sent.count - position)
                    let chunk = Array(sent[position..<position + count])
                    guard writeFully(connection, chunk, count) else { return }
                    position += count
                    size = size > 1 << 20 ? 1 : size * 3
                }
                shutdown(connection, Int32(SHUT_WR))
            }
            var received = [UInt8](repeating: 0, count: sent.count)
            #expect(readFully(connection, &received, received.count))
            #expect(received == sent)
            var more: UInt8 = 0
            #expect(read(connection, &more, 1) == 0)
        }

        @Test("It takes its endpoints in turn")
        func turns() throws {
            let scenario = try #require(Scenario.catalogue.first { $0.name == "rr-1-pinned" })
            let live = try startBackend(of: scenario)
            defer { unlink(live.counters) }
            let relay = try Relay(.tcp, to: [live.port, 1])
            var answered = 0
            for _ in 0..<10 {
                let connection = try CallFailure.check("connect", bench_tcp_connect(relay.port, 0))
                var byte: UInt8 = 1
                if writeFully(connection, &byte, 1), readFully(connection, &byte, 1) { answered += 1 }
                close(connection)
            }
            #expect(answered == 5)
        }

        /// The relay, built once, as a process that ends with the value.
        private final class Relay {
            let port: UInt16
            private let process: Int32

            private static let program: String? = {
                let folder =
                    (#filePath.firstRange(of: "/Tests/").map { #filePath[..<$0.lowerBound] } ?? "") + "/Peers/c-limit/"
                let program = "/tmp/portico-bench-test-\(getpid())-c-limit"
                let built = runs([
                    "/usr/bin/cc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, folder + "main.c",
                    folder + "tcp.c", folder + "udp.c",
                ])
                return built ? program : nil
            }()

            init(_ transport: Scenario.Transport, to endpoints: [UInt16]) throws {
                let program = try #require(Self.program)
                port = takePort()
                process = spawn([
                    program, transport.rawValue, "1", "\(port)", endpoints.map(String.init).joined(separator: ","),
                ])
                try #require(process > 0)
                // Also a UDP socket that isn't there yet refuses.
                for _ in 0..<2000 where !isBound(transport) { usleep(1000) }
            }

            deinit { if process > 0 { bench_end(process) } }

            private func isBound(_ transport: Scenario.Transport) -> Bool {
                if transport == .tcp {
                    let probe = bench_tcp_connect(port, 0)
                    if probe >= 0 { close(probe) }
                    return probe >= 0
                }
                let digits = String(port, radix: 16, uppercase: true)
                return readAll("/proc/net/udp").contains(
                    ":" + String(repeating: "0", count: 4 - digits.count) + digits + " ")
            }
        }
    }
}

func spawn(_ arguments: [String]) -> Int32 {
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    argv.append(nil)
    defer { for argument in argv { free(argument) } }
    return bench_spawn(arguments[0], argv, 0, 2, 2, -1, 0)
}

/// Runs a program to its end; whether it succeeded.
func runs(_ arguments: [String]) -> Bool {
    let process = spawn(arguments)
    var status: Int32 = 0
    return process > 0 && waitpid(process, &status, 0) == process && status == 0
}
