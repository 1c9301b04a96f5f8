import Base
import Objects
import Testing

@Suite("Ports as they are written")
struct ServicePortDecodingTests {
    private func port(_ fields: String) throws -> ServicePortSpec { try read(ServicePortSpec.self, fields) }

    @Test("A number is enough: TCP, without a name, to the same number")
    func minimal() throws {
        #expect(try port("port: 80") == ServicePortSpec(port: 80))
        #expect(
            try port("{port: 80, name: null, protocol: null, targetPort: null, nodePort: null}")
                == ServicePortSpec(port: 80))
        #expect(try port("{port: 80, name: '', protocol: ''}") == ServicePortSpec(port: 80))
    }

    @Test("The first and the last number", arguments: [1, 65535])
    func ends(_ number: UInt16) throws {
        let port = try port("{port: \(number), targetPort: \(number), nodePort: \(number)}")
        #expect(port == ServicePortSpec(port: number, targetPort: .number(number), nodePort: number))
    }

    @Test("Numbers in YAML's other notations are numbers")
    func notations() throws {
        #expect(try port("{port: 0x50, targetPort: 0x1F90}") == ServicePortSpec(port: 80, targetPort: .number(8080)))
        #expect(try port("port: +80").port == 80)
    }

    @Test("The protocols by their words", arguments: [("TCP", TransportProtocol.tcp), ("UDP", .udp), ("SCTP", .sctp)])
    func protocols(_ word: String, _ transport: TransportProtocol) throws {
        #expect(try port("{port: 53, protocol: \(word)}").transport == transport)
        #expect(try read(PodSpec.Port.self, "{containerPort: 53, protocol: \(word)}").transport == transport)
        #expect(try read(EndpointSlice.Port.self, "{port: 53, protocol: \(word)}").transport == transport)
        #expect(try read(Endpoints.Port.self, "{port: 53, protocol: \(word)}").transport == transport)
    }

    @Test("No target, zero and the empty text are the same port", arguments: ["null", "0", "''"])
    func sameTarget(_ target: String) throws {
        #expect(try port("{port: 80, targetPort: \(target)}").targetPort == nil)
    }

    @Test("A target is a number or the name of a container port")
    func targets() throws {
        #expect(try port("{port: 80, targetPort: 8080}").targetPort == .number(8080))
        #expect(try port("{port: 80, targetPort: web}").targetPort == .name("web"))
        #expect(try port("{port: 80, targetPort: 8080-http}").targetPort == .name("8080-http"))
        #expect("\(IntOrString.number(8080)) \(IntOrString.name("web"))" == "8080 web")
    }

    @Test(
        "Any other target is refused with what it could be",
        arguments: [
            ("-1", "-1"), ("65536", "65536"), ("99999999999", "99999999999"),
            ("99999999999999999999", "99999999999999999999"), ("80.5", "80.5"), ("'8080'", "\"8080\""),
            ("'-'", "\"-\""), ("true", "true"), ("[8080]", "a list"), ("{port: 8080}", "an object"),
        ])
    func wrongTargets(_ target: String, _ found: String) throws {
        #expect(
            try words(about: ServicePortSpec.self, "{port: 80, targetPort: \(target)}")
                == "targetPort: expected a number from 1 to 65535 or the name of a container port, found \(found)")
    }

    @Test("A node port of zero has yet to be chosen")
    func nodePort() throws {
        #expect(try port("{port: 80, nodePort: 0}").nodePort == nil)
        #expect(try port("{port: 80, nodePort: 30080}").nodePort == 30080)
    }
}
