import ArgumentParser
import Balancing
import Base
import Glibc
import KubernetesAPI
import Logging
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

    @Test("One that cannot be written keeps no other from being written, and is told")
    func others() async throws {
        let (missing, hosts) = (folder.file("later"), folder.file("services.hosts"))
        let names = try NamePublisher(
            NameOptions.parse(["--env-file", "\(missing)/services.env", "--hosts-file", hosts]), .init(),
            namespace: "shop")
        let failure = await #expect(throws: CommandFailure.self) {
            try await names.update([web("shop", at: "127.64.0.1")])
        }
        #expect(failure?.description.hasPrefix("--env-file \(missing)/services.env: cannot be written") == true)
        #expect(try text("services.hosts").contains("127.64.0.1\tweb.shop"))
        // The one that was written is left alone, and the other is tried again.
        try #require(unlink(hosts) == 0 && mkdir(missing, 0o755) == 0)
        try await names.update([])
        #expect(access(hosts, F_OK) != 0)
        #expect(try text("later/services.env").contains("127.64.0.1"))
    }

    @Test(
        "However fast names change, a program is given new ones once a second, and the last ones in the end",
        .requires(.root, .mountNamespaces))
    func pace() async throws {
        let names = try NamePublisher(NameOptions.parse([]), .init(), namespace: "shop")
        try await names.update([web("shop", at: "127.64.0.1")])
        let command = try await names.start(["sleep", "600"], Logger(label: "test")) {}
        defer {
            kill(command.pid, SIGKILL)
            _ = command.reap()
        }
        let path = "/proc/\(command.pid)/root/etc/hosts"
        func file() -> ino_t {
            var status = stat()
            return stat(path, &status) == 0 ? status.st_ino : 0
        }
        let first = file()
        try await names.update([])
        #expect(first != 0 && file() == first, "nothing is new")
        let begin = ContinuousClock.now
        var files: Set<ino_t> = []
        for number in 2...100 {
            try await names.update([web("shop", at: "127.64.0.\(number)")])
            files.insert(file())
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        #expect(Double(files.count) <= seconds + 2, "\(files.count) in \(seconds) s")
        #expect(
            await eventually(within: .seconds(30)) {
                (try? LocalFile.read(path)).map { String(decoding: $0, as: UTF8.self) }?.contains("127.64.0.100\t")
                    == true
            })
        await names.stop()
    }

    @Test("A program that nobody could wait for is not started")
    func noThread() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryDirectory()
            let names = try NamePublisher(NameOptions.parse([]), .init(), namespace: "shop")
            try await names.update([])
            // From here on no thread can be made: nobody has so much room for a stack.
            try #require(setThreadStack(1 << 46) == 0)
            let failure = await #expect(throws: CommandFailure.self) {
                _ = try await names.start(["touch", folder.file("ran")], Logger(label: "test")) {}
            }
            #expect(failure?.description.hasPrefix("the program cannot be waited for: start thread") == true)
            // Whatever has been started has ended when there is no child any more.
            while waitpid(-1, nil, 0) > 0 {}
            #expect(access(folder.file("ran"), F_OK) != 0)
        }
    }

    @Test("What is no file is not replaced by one")
    func device() {
        #expect(throws: CommandFailure.self) { try publisher("/dev/null") }
    }
}
