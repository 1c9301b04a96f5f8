import ArgumentParser
import Balancing
import Base
import Glibc
import Names
import Objects
import Proxy
import Status
import TestSupport
import Testing

@testable import portico

/// The file of variables, as a shell finds it.
@Suite("Services made known by name") struct NamePublisherTests {
    private let folder: TemporaryDirectory
    private var path: String { folder.file("services.env") }

    init() throws { folder = try TemporaryDirectory() }

    private func publisher(_ path: String) throws -> NamePublisher {
        try NamePublisher(NameOptions.parse(["--env-file", path]), .init(), namespace: "shop")
    }

    private func web(_ namespace: String, at address: String?) -> ServedName {
        let id = ServicePortID(ServicePortName(namespace: namespace, service: "web", port: "http"), .tcp)
        let status = address.map { address in
            let door = EndpointAddress(ip: ip(address), port: 80)
            return ServedService(ports: [
                PortStatus(id: id, doors: [.init(wanted: door, listening: door, problem: nil)])
            ])
        }
        return ServedName(
            key: ObjectKey(namespace: namespace, name: "web"), status: status, service: nil, resolved: nil)
    }

    /// What the file has.
    private func text(_ name: String = "services.env") throws -> String {
        let file = try #require(fopen(folder.file(name), "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private func hosts() throws -> [Substring] {
        try text().split(separator: "\n").filter { $0.contains("_HOST=") }
    }

    @Test("The file is there from the start, and has the Services of the namespace")
    func follows() async throws {
        let names = try publisher(path)
        try await names.update([])
        #expect(try text().isEmpty)
        try await names.update([web("shop", at: "127.64.0.1"), web("other", at: "127.64.0.2")])
        #expect(try hosts() == ["WEB_SERVICE_HOST=127.64.0.1"])
        #expect(await names.variables.variables.first?.value == "127.64.0.1")
        try await names.update([web("shop", at: "127.64.0.3")])
        #expect(try hosts() == ["WEB_SERVICE_HOST=127.64.0.3"])
        try await names.update([web("shop", at: nil)])
        #expect(try hosts() == [])
    }

    @Test("A change that its readers cannot see leaves the file alone")
    func leftAlone() async throws {
        let names = try publisher(path)
        try await names.update([web("shop", at: "127.64.0.1")])
        try #require(unlink(path) == 0)
        try await names.update([web("other", at: "127.64.0.2")])
        try await names.update([web("shop", at: "127.64.0.1")])
        #expect(access(path, F_OK) != 0)
    }

    @Test("A file that could not be written is written with the next change, whatever that is")
    func retried() async throws {
        let missing = folder.file("later")
        let names = try publisher("\(missing)/services.env")
        await #expect(throws: CommandFailure.self) { try await names.update([web("shop", at: "127.64.0.1")]) }
        try #require(mkdir(missing, 0o755) == 0)
        try await names.update([web("other", at: "127.64.0.2")])
        #expect(try text("later/services.env").contains("WEB_SERVICE_HOST=127.64.0.1"))
    }

    @Test("What is no file is not replaced by one")
    func device() {
        #expect(throws: CommandFailure.self) { try publisher("/dev/null") }
    }
}
