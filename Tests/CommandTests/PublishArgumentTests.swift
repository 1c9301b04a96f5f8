import Base
import Testing

@testable import portico

@Suite struct PublishArgumentTests {
    @Test(
        arguments: [
            ("my-service:80=10000", nil, "my-service", .number(80), .tcp, nil, 10_000),
            ("shop/web:http=8080", "shop", "web", .name("http"), .tcp, nil, 8080),
            ("dns:53/udp=5353", nil, "dns", .number(53), .udp, nil, 5353),
            ("kube-system/dns:dns-tcp/TCP=0", "kube-system", "dns", .name("dns-tcp"), .tcp, nil, 0),
            ("a:1=127.0.0.5:2", nil, "a", .number(1), .tcp, "127.0.0.5", 2),
            ("a:1=0.0.0.0:65535", nil, "a", .number(1), .tcp, "0.0.0.0", 65_535),
            ("a:1=[::1]:2", nil, "a", .number(1), .tcp, "::1", 2),
            ("a:1=localhost:2", nil, "a", .number(1), .tcp, nil, 2),
        ] as [(String, String?, String, ServiceReference.Port, TransportProtocol, String?, UInt16)])
    func reads(
        text: String, namespace: String?, service: String, port: ServiceReference.Port, transport: TransportProtocol,
        address: String?, localPort: UInt16
    ) throws {
        let argument = try PublishArgument(text)
        #expect(argument.target.namespace == namespace)
        #expect(argument.target.service == service)
        #expect(argument.target.port == port)
        #expect(argument.target.transport == transport)
        #expect(argument.place.address == address.flatMap { IPAddress($0) })
        #expect(argument.place.port == localPort)
        // What it prints reads back as the same.
        #expect(try PublishArgument(argument.description) == argument)
    }

    @Test(arguments: [
        ("", "'=' is missing: [namespace/]name:port[/udp]=[address:]port"),
        ("web:80", "'=' is missing: [namespace/]name:port[/udp]=[address:]port"),
        ("web=8080", "'web' lacks a port: [namespace/]name:port[/udp]"),
        ("=8080", "'' lacks a port: [namespace/]name:port[/udp]"),
        (":80=8080", "'' is not a name of a Service: lower-case letters, digits and '-', at most 63"),
        ("/web:80=8080", "'' is not a namespace: lower-case letters, digits and '-', at most 63"),
        ("Web:80=8080", "'Web' is not a name of a Service: lower-case letters, digits and '-', at most 63"),
        ("-web:80=8080", "'-web' is not a name of a Service: lower-case letters, digits and '-', at most 63"),
        ("a/b/c:80=8080", "'a/b/c' has too many slashes: [namespace/]name"),
        ("web:=8080", "the port is missing behind the colon"),
        ("web:/udp=8080", "the port is missing behind the colon"),
        ("web:0=8080", "port 0 is not a port of a Service: 1 to 65535, or its name"),
        ("web:70000=8080", "'70000' is not a port: 1 to 65535, or its name"),
        ("web:+80=8080", "'+80' is not a port: 1 to 65535, or its name"),
        ("web:80:http=8080", "'80:http' is not a port: 1 to 65535, or its name"),
        ("web:80/sctp=8080", "'sctp' is not a protocol: tcp or udp"),
        ("web:80/=8080", "'' is not a protocol: tcp or udp"),
        ("web:80=", "the port on this machine is missing"),
        ("web:80=127.0.0.1:", "the port on this machine is missing"),
        ("web:80=65536", "'65536' is not a port on this machine: 0 to 65535"),
        ("web:80=http", "'http' is not a port on this machine: 0 to 65535"),
        ("web:80=-1", "'-1' is not a port on this machine: 0 to 65535"),
        ("web:80=::1:8080", "an IPv6 address stands in brackets: [::1]:port"),
        ("web:80=::1", "an IPv6 address stands in brackets: [::1]:port"),
        ("web:80=example.com:1", "'example.com' is not an IP address of this machine"),
        ("web:80=[127.0.0.1]:1", "'[127.0.0.1]' is not an IP address of this machine"),
        ("web:80=256.0.0.1:1", "'256.0.0.1' is not an IP address of this machine"),
    ])
    func saysWhatIsWrong(text: String, message: String) {
        #expect(throws: ArgumentError(message)) { try PublishArgument(text) }
    }
}
