import Base
import Testing

@testable import portico

@Suite struct ServiceArgumentTests {
    @Test func readsAddressesAndNames() throws {
        let argument = try ServiceArgument("db:5432=10.0.0.7:5432,[fd00::7]:5433,db.example.com:5434,my_host:1")
        #expect(argument.namespace == nil)
        #expect(argument.name == "db")
        #expect(argument.port == 5432)
        #expect(argument.transport == .tcp)
        let six = try #require(IPAddress("fd00::7"))
        #expect(
            argument.endpoints.map(\.host) == [
                .address(IPAddress(v4: 0x0A00_0007)), .address(six), .name("db.example.com"), .name("my_host"),
            ])
        #expect(argument.endpoints.map(\.port) == [5432, 5433, 5434, 1])
        #expect(
            argument.endpoints.map(\.description) == [
                "10.0.0.7:5432", "[fd00::7]:5433", "db.example.com:5434", "my_host:1",
            ])
    }

    @Test func readsProtocolAndNamespace() throws {
        let argument = try ServiceArgument("kube-system/dns:53/udp=localhost:5353")
        #expect(argument.namespace == "kube-system")
        #expect(argument.transport == .udp)
    }

    @Test(arguments: [
        ("db", "'=' is missing: name:port[/udp]=host:port,host:port"),
        ("db=10.0.0.1:1", "'db' lacks a port: [namespace/]name:port[/udp]"),
        ("db:pg=10.0.0.1:1", "the port of a Service without a manifest is a number: 1 to 65535"),
        ("db:0=10.0.0.1:1", "port 0 is not a port of a Service: 1 to 65535, or its name"),
        ("db:1=", "an endpoint is missing: host:port,host:port"),
        ("db:1=a:1,", "an endpoint is missing: host:port,host:port"),
        ("db:1=10.0.0.1", "endpoint '10.0.0.1' lacks a port: host:port"),
        ("db:1=10.0.0.1:", "endpoint '10.0.0.1:': the port is a number from 1 to 65535"),
        ("db:1=10.0.0.1:0", "endpoint '10.0.0.1:0': the port is a number from 1 to 65535"),
        ("db:1=10.0.0.1:99999", "endpoint '10.0.0.1:99999': the port is a number from 1 to 65535"),
        ("db:1=fd00::1:80", "endpoint 'fd00::1:80': an IPv6 address stands in brackets, as in [fd00::1]:80"),
        ("db:1=10.0.0.256:1", "endpoint '10.0.0.256:1': '10.0.0.256' is neither an IP address nor a host name"),
        ("db:1=:80", "endpoint ':80': '' is neither an IP address nor a host name"),
        ("db:1=a b:80", "endpoint 'a b:80': 'a b' is neither an IP address nor a host name"),
        ("db:1=a..b:80", "endpoint 'a..b:80': 'a..b' is neither an IP address nor a host name"),
        ("db:1=[nonsense:]:80", "endpoint '[nonsense:]:80': '[nonsense:]' is neither an IP address nor a host name"),
        ("db:1=a:1,b:2,a:1", "endpoint 'a:1' is given twice"),
    ])
    func saysWhatIsWrong(text: String, message: String) {
        #expect(throws: ArgumentError(message)) { try ServiceArgument(text) }
    }
}
