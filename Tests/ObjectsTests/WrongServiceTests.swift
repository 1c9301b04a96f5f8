import Objects
import Testing

@Suite("What is told of a wrong Service")
struct WrongServiceTests {
    @Test(
        "A wrong value is told with its place, what was expected, and what is there",
        arguments: [
            ("clusterIP: none", "clusterIP: expected an IP address or None, found \"none\""),
            ("clusterIP: 10.96", "clusterIP: expected text, found 10.96 (put it in quotes)"),
            ("clusterIP: [10.96.0.1]", "clusterIP: expected text, found a list"),
            ("clusterIPs: 10.96.0.1", "clusterIPs: expected a list, found \"10.96.0.1\""),
            ("clusterIPs: [10.96.0.1, 10.96.0]", "clusterIPs[1]: expected an IP address or None, found \"10.96.0\""),
            ("clusterIPs: [null]", "clusterIPs[0]: expected text, found nothing"),
            ("ipFamilies: [IPv4, ipv6]", "ipFamilies[1]: expected IPv4 or IPv6, found \"ipv6\""),
            ("ipFamilies: ['']", "ipFamilies[0]: expected IPv4 or IPv6, found \"\""),
            ("ipFamilies: [6]", "ipFamilies[0]: expected text, found 6 (put it in quotes)"),
            ("ipFamilies: IPv4", "ipFamilies: expected a list, found \"IPv4\""),
            (
                "type: clusterip",
                "type: expected ClusterIP, NodePort, LoadBalancer or ExternalName, found \"clusterip\""
            ),
            ("type: {}", "type: expected text, found an object"),
            ("sessionAffinity: Cookie", "sessionAffinity: expected None or ClientIP, found \"Cookie\""),
            ("sessionAffinity: yes", "sessionAffinity: expected text, found true (put it in quotes)"),
            ("internalTrafficPolicy: Node", "internalTrafficPolicy: expected Cluster or Local, found \"Node\""),
            ("externalTrafficPolicy: LOCAL", "externalTrafficPolicy: expected Cluster or Local, found \"LOCAL\""),
            ("sessionAffinityConfig: 5", "sessionAffinityConfig: expected an object, found 5"),
            ("sessionAffinityConfig: {clientIP: 5}", "sessionAffinityConfig.clientIP: expected an object, found 5"),
            (
                "sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}",
                "sessionAffinityConfig.clientIP.timeoutSeconds: expected a number from 1 to 86400, found 0"
            ),
            (
                "sessionAffinityConfig: {clientIP: {timeoutSeconds: 3h}}",
                "sessionAffinityConfig.clientIP.timeoutSeconds: expected a number from 1 to 86400, found \"3h\""
            ),
            ("healthCheckNodePort: -1", "healthCheckNodePort: expected a number from 0 to 65535, found -1"),
            ("externalIPs: [[]]", "externalIPs[0]: expected text, found a list"),
            ("loadBalancerSourceRanges: [8]", "loadBalancerSourceRanges[0]: expected text, found 8 (put it in quotes)"),
            ("selector: {app: web, version: 2}", "selector.version: expected text, found 2 (put it in quotes)"),
            (
                "selector: {app.kubernetes.io/name: 1}",
                "selector[\"app.kubernetes.io/name\"]: expected text, found 1 (put it in quotes)"
            ),
            ("selector: {app: {}}", "selector.app: expected text, found an object"),
            ("selector: [app]", "selector: expected an object, found a list"),
            ("ports: {port: 80}", "ports: expected a list, found an object"),
            ("ports: [80]", "ports[0]: expected an object, found 80"),
            ("ports: [null]", "ports[0]: expected an object, found nothing"),
        ])
    func fields(_ fields: String, _ expected: String) throws {
        #expect(try words(about: ServiceSpec.self, fields) == expected)
    }

    @Test(
        "Ports are held to what an API server lets through",
        arguments: [
            ("{}", "port: expected a number from 1 to 65535, found nothing"),
            ("{port: null}", "port: expected a number from 1 to 65535, found nothing"),
            ("{port: 0}", "port: expected a number from 1 to 65535, found 0"),
            ("{port: -80}", "port: expected a number from 1 to 65535, found -80"),
            ("{port: 65536}", "port: expected a number from 1 to 65535, found 65536"),
            ("{port: 9223372036854775807}", "port: expected a number from 1 to 65535, found 9223372036854775807"),
            ("{port: 9223372036854775808}", "port: expected a number from 1 to 65535, found 9.223372036854776e+18"),
            ("{port: 8.5}", "port: expected a number from 1 to 65535, found 8.5"),
            ("{port: http}", "port: expected a number from 1 to 65535, found \"http\""),
            ("{port: '80'}", "port: expected a number from 1 to 65535, found \"80\""),
            ("{port: true}", "port: expected a number from 1 to 65535, found true"),
            ("{port: {}}", "port: expected a number from 1 to 65535, found an object"),
            ("{port: 1, nodePort: 65536}", "nodePort: expected a number from 0 to 65535, found 65536"),
            ("{port: 1, nodePort: '30000'}", "nodePort: expected a number from 0 to 65535, found \"30000\""),
            ("{port: 1, protocol: tcp}", "protocol: expected TCP, UDP or SCTP, found \"tcp\""),
            ("{port: 1, protocol: 6}", "protocol: expected text, found 6 (put it in quotes)"),
            (
                "{port: 1, name: HTTP}",
                "name: expected a name of at most 63 lower-case letters, digits and hyphens, found \"HTTP\""
            ),
            ("{port: 1, name: 80}", "name: expected text, found 80 (put it in quotes)"),
        ])
    func ports(_ port: String, _ expected: String) throws {
        #expect(try words(about: ServicePortSpec.self, port) == expected)
    }

    @Test("The line is that of the value, or of what lacks it")
    func lines() throws {
        let text = """
            metadata:
              name: web
            spec:
              ports:
              - name: http
                port: 80
              - name: https
                nodePort: 30443
            """
        #expect(
            try complaint(about: Service.self, text)
                == "7: spec.ports[1].port: expected a number from 1 to 65535, found nothing")
        #expect(
            try complaint(about: Service.self, "metadata:\n  name: a.b\nspec: {}")
                == "2: metadata.name: expected a name of at most 63 lower-case letters, digits and hyphens, found \"a.b\""
        )
        #expect(
            try complaint(about: Service.self, "metadata: {name: web}\nspec:")
                == "2: spec: expected an object, found nothing")
        #expect(try complaint(about: Service.self, "spec: {}").hasSuffix(": expected a field metadata"))
    }

    @Test(
        "Ports that only together are wrong",
        arguments: [
            ("[{port: 80}]", "nothing"),
            ("[{port: 80, name: a}, {port: 80, name: b, protocol: UDP}]", "nothing"),
            (
                "[{port: 80, name: a}, {port: 81, name: ''}]",
                "ports[1].name: expected a name, since the Service has 2 ports, found nothing"
            ),
            (
                "[{port: 80, name: a}, {port: 81, name: b}, {port: 82, name: a}]",
                "ports[2].name: expected a name that no other port has, found \"a\""
            ),
            (
                "[{port: 53, name: a, protocol: UDP}, {port: 53, name: b, protocol: UDP}]",
                "ports[1].port: expected each port once per protocol, found 53 again"
            ),
        ])
    func together(_ ports: String, _ expected: String) throws {
        #expect(try words(about: ServiceSpec.self, "ports: \(ports)") == expected)
    }

    @Test(
        "The addresses of a load balancer are text",
        arguments: [
            ("{ingress: {}}", "ingress: expected a list, found an object"),
            ("{ingress: [192.0.2.1]}", "ingress[0]: expected an object, found \"192.0.2.1\""),
            ("{ingress: [{ip: 1.5}]}", "ingress[0].ip: expected text, found 1.5 (put it in quotes)"),
            ("{ingress: [{hostname: [lb]}]}", "ingress[0].hostname: expected text, found a list"),
        ])
    func ingress(_ status: String, _ expected: String) throws {
        #expect(try words(about: LoadBalancerStatus.self, status) == expected)
    }
}
