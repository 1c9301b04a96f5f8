import ArgumentParser
import Base
import Proxy
import TestSupport
import Testing

@testable import portico

@Suite struct LocalArgumentTests {
    @Test(
        arguments: [
            ("cart=3000", nil, nil, nil, .port(3000, host: nil)),
            ("shop/cart:http=3000", "shop", .name("http"), nil, .port(3000, host: nil)),
            ("cart:80/udp=localhost:53", nil, .number(80), .udp, .port(53, host: nil)),
            ("cart:80/tcp=[::1]:3000", nil, .number(80), .tcp, .port(3000, host: .address(ip("::1")))),
            ("cart=10.0.0.1:3000", nil, nil, nil, .port(3000, host: .address(ip("10.0.0.1")))),
            ("cart=my-desk.lan:3000", nil, nil, nil, .port(3000, host: .name("my-desk.lan"))),
            ("cart", nil, nil, nil, .command), ("shop/cart:http", "shop", .name("http"), nil, .command),
        ] as [(String, String?, ServiceReference.Port?, TransportProtocol?, LocalTarget.Place)])
    func reads(
        text: String, namespace: String?, port: ServiceReference.Port?, transport: TransportProtocol?,
        place: LocalTarget.Place
    ) throws {
        let argument = try LocalArgument(text)
        #expect(argument.namespace == namespace && argument.service == "cart")
        #expect(argument.port == port && argument.transport == transport && argument.place == place)
        let target = argument.target(defaultNamespace: "else")
        #expect(target.namespace == namespace ?? "else" && target.text == "--local \(text)")
    }

    @Test(arguments: [
        ("", "'' is not a name of a Service: lower-case letters, digits and '-', at most 63"),
        ("=3000", "'' is not a name of a Service: lower-case letters, digits and '-', at most 63"),
        ("Cart=3000", "'Cart' is not a name of a Service: lower-case letters, digits and '-', at most 63"),
        ("a/b/c=1", "'a/b/c' has too many slashes: [namespace/]name"),
        ("cart:=3000", "the port is missing behind the colon"),
        ("cart:0=3000", "port 0 is not a port of a Service: 1 to 65535, or its name"),
        ("cart:80/sctp=1", "'sctp' is not a protocol: tcp or udp"),
        ("cart=", "'' is not a port on this machine: 1 to 65535"),
        ("cart=0", "'0' is not a port on this machine: 1 to 65535"),
        ("cart=http", "'http' is not a port on this machine: 1 to 65535"),
        ("cart=host:", "endpoint 'host:': the port is a number from 1 to 65535"),
        ("cart=::1:80", "endpoint '::1:80': an IPv6 address stands in brackets, as in [fd00::1]:80"),
        ("cart=0.0.0.0:80", "0.0.0.0 is all addresses, and this is where to connect to: leave it out"),
        ("cart=http://localhost:80", "'http://localhost:80' is a URL: a port, or host:port, is all that counts"),
    ])
    func saysWhatIsWrong(text: String, message: String) {
        #expect(throws: ArgumentError(message)) { try LocalArgument(text) }
    }

    private func complaint(_ arguments: String...) -> String? {
        do {
            _ = try Portico.parseAsRoot(["dev", "-f", "x"] + arguments)
            return nil
        } catch {
            return CommandFailure.line(for: error, arguments: ["portico", "dev"])
        }
    }

    @Test("What cannot be together is said before anything is served")
    func combinations() {
        #expect(complaint("--local", "cart=1", "--local", "web=2", "--local-fallback", "refuse") == nil)
        #expect(complaint("--local", "cart", "--", "npm") == nil)
        #expect(complaint("--local", "cart=1", "--local", "cart=2")?.contains("--local: cart is given twice") == true)
        #expect(
            complaint("--local", "cart")?.contains(
                "--local cart: no program is run behind --, so name a port: --local cart=PORT") == true)
        #expect(complaint("--local-fallback", "refuse")?.contains("--local, which is missing") == true)
        #expect(complaint("--local", "a=1", "--local-fallback", "x")?.contains("neither endpoints nor refuse") == true)
        let taken = "--local cart=80: --publish takes port 80 for Portico itself"
        #expect(complaint("--local", "cart=80", "--publish", "web:80=80")?.contains(taken) == true)
        #expect(complaint("--local", "cart=80", "--publish", "web:80=127.0.0.2:80")?.contains(taken) == true)
        #expect(complaint("--local", "cart=127.0.0.3:80", "--publish", "web:80=127.0.0.2:80") == nil)
        #expect(complaint("--local", "cart=80", "--publish", "web:80/udp=80") == nil)
    }
}
