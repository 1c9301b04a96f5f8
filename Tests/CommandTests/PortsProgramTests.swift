import Glibc
import TestSupport
import Testing

/// Which numbers `portico dev` serves at, run as a user runs it.
@Suite(.timeLimit(.minutes(2))) struct PortsProgramTests {
    private func addresses(_ session: DevProcess, of service: String) -> [String] {
        let pattern = "\"service\":\"default/\(service)\""
        guard let start = session.child.output.ranges(of: pattern).first?.upperBound,
            let list = session.child.output[start...].firstMatch(of: /"addresses":\[(.*?)\],"endpoints"/)
        else { return [] }
        return list.output.1.split(separator: ",").map { String($0.filter { $0 != "\"" }) }
    }

    @Test("A published number that cannot be had is a failure, unless the rest is to be served")
    func publish() async throws {
        let holder = try ScriptedServer.identity("somebody")
        let arguments = ["--service", "web:8080=127.0.0.1:9", "--publish", "web:8080=127.0.0.1:\(holder.port)"]
        let failed = try await DevProcess(arguments).finished()
        let words = "cannot listen on 127.0.0.1:\(holder.port): the address is in use, held by "
        #expect(failed.status == 1 && failed.errors.hasPrefix("portico: --publish default/web: \(words)"))
        #expect(failed.errors.hasSuffix("; to serve the rest all the same, say --keep-going\n"), "\(failed.errors)")
        let session = try DevProcess(arguments + ["--keep-going"])
        try await session.waitFor(" served.")
        try await session.waitForErrors(words)
        #expect(try await session.end().status == 0)
    }

    @Test("A number that the kernel chooses is the same over both families", .requires(.ipv6Loopback))
    func oneNumber() async throws {
        let session = try DevProcess([
            "--service", "web:8080=127.0.0.1:9", "--publish", "web:8080=0", "--output", "json",
        ])
        try await session.waitFor(#""event":"listening""#)
        let published = addresses(session, of: "web").dropFirst()
        #expect(published.count == 2 && Set(published.compactMap { $0.split(separator: ":").last }).count == 1)
        #expect(try await session.end().status == 0)
    }

    @Test(
        "Real numbers come first: 80 does not take the 8080 of the same Service",
        .requires(.networkNamespaces, .tool("ip"), .tool("setpriv")), arguments: ["a", "z"])
    func realNumbersFirst(name: String) async throws {
        let folder = try TemporaryDirectory()
        try folder.write(
            "apiVersion: v1\nkind: Service\nmetadata: {name: real-\(name)}\n"
                + "spec: {ports: [{name: \(name), port: 80}, {name: m, port: 8080}]}\n", to: "a.yaml")
        let session = try DevProcess(["-f", folder.path], launcher: DevProcess.withoutLowPorts)
        try await session.waitFor(" served.")
        #expect(session.child.output.contains(/real-[az]:[az] +127\.[0-9.]+:8081 \(for 80\)/))
        #expect(session.child.output.contains(/real-[az]:m +127\.[0-9.]+:8080\s/))
        #expect(!session.child.errors.contains("in use"), "it is nobody else's doing")
        #expect(try await session.end().status == 0)
    }

    @Test("Each port of a Service without a manifest leads to its own endpoints")
    func portsOfOneService() async throws {
        let servers = [try ScriptedServer.identity("one"), try ScriptedServer.identity("two")]
        let port = try freePorts(2)
        let name = "two-ports-\(getpid())"
        let session = try DevProcess(
            servers.enumerated().flatMap { index, server in
                ["--service", "\(name):\(port + UInt16(index))=127.0.0.1:\(server.port)"]
            })
        try await session.waitFor(" served.")
        let address = try #require(session.child.output.firstMatch(of: /127\.[0-9.]+/)).output
        for (index, expected) in ["one", "two"].enumerated() {
            let peer = try ScriptedPeer.connect(
                to: port + UInt16(index), on: String(address), script: [.receiveAll])
            #expect(try await peer.finished().received.text == expected)
        }
        #expect(try await session.end().status == 0)
    }

    @Test("A second session says that numbers are the first one's")
    func second() async throws {
        // Addresses and numbers that no other run of these tests has at the same time.
        let (name, port) = ("twice-\(getpid())", try freePorts(2))
        let arguments = ["--service", "\(name):\(port)=127.0.0.1:9", "--service", "\(name)-too:\(port)=127.0.0.1:9"]
        let first = try DevProcess(arguments)
        try await first.waitFor(" served.")
        #expect(!first.child.errors.contains("in use"))
        let second = try DevProcess(arguments)
        try await second.waitFor(" served.")
        try await second.waitForErrors("another Portico serves these")
        let words =
            #"default/\#(name) is served at 127\.[0-9.]+:\#(port + 1), for 127\.[0-9.]+:\#(port) is in use, held by "#
        let line = try Regex(words + #"portico \(pid [0-9]+\)"#)
        #expect(second.child.errors.contains(line), "\(second.child.errors)")
        try await second.waitForErrors("so it is with 1 more service port: another Portico serves these")
        #expect(second.child.output.contains("(for \(port))"))
        _ = try await second.end()
        _ = try await first.end()
    }
}
