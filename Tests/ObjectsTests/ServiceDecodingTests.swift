import Base
import Objects
import TestSupport
import Testing

@Suite("Services as they are written")
struct ServiceDecodingTests {
    private func spec(_ fields: String) throws -> ServiceSpec { try read(ServiceSpec.self, fields) }

    private func words(_ fields: String) throws -> String { try ObjectsTests.words(about: ServiceSpec.self, fields) }

    @Test("What an API server prints of a Service is read, and what no proxy needs is passed over")
    func printed() throws {
        let web = try read(
            Service.self,
            """
            apiVersion: v1
            kind: Service
            metadata:
              annotations:
                kubectl.kubernetes.io/last-applied-configuration: |
                  {"apiVersion":"v1","kind":"Service"}
              creationTimestamp: "2026-11-23T13:41:38Z"
              labels:
                app: web
              managedFields:
              - apiVersion: v1
                fieldsType: FieldsV1
                fieldsV1: {"f:spec": {"f:ports": {".": {}}}}
              name: web
              namespace: shop
              resourceVersion: "4711"
              uid: 6c1a5d70-0000-4000-8000-000000000001
            spec:
              allocateLoadBalancerNodePorts: true
              clusterIP: 10.96.12.7
              clusterIPs:
              - 10.96.12.7
              externalTrafficPolicy: Cluster
              internalTrafficPolicy: Cluster
              ipFamilies:
              - IPv4
              ipFamilyPolicy: SingleStack
              ports:
              - appProtocol: http
                name: http
                nodePort: 30080
                port: 80
                protocol: TCP
                targetPort: 8080
              selector:
                app: web
              sessionAffinity: None
              trafficDistribution: PreferClose
              type: LoadBalancer
            status:
              conditions: []
              loadBalancer:
                ingress:
                - ip: 192.0.2.7
                  ipMode: VIP
                  ports: [{port: 80, protocol: TCP}]
                - hostname: lb.example.com
            """)
        #expect(
            web.metadata
                == ObjectMeta(
                    name: "web", namespace: "shop", labels: ["app": "web"],
                    uid: "6c1a5d70-0000-4000-8000-000000000001", resourceVersion: "4711",
                    creationTimestamp: Timestamp("2026-11-23T13:41:38Z")))
        #expect(
            web.spec
                == ServiceSpec(
                    type: .loadBalancer, selector: ["app": "web"],
                    ports: [ServicePortSpec(name: "http", port: 80, targetPort: .number(8080), nodePort: 30080)],
                    clusterIPs: [.address(ip("10.96.12.7"))], ipFamilies: [.ipv4]))
        #expect(
            web.status.loadBalancer.ingress == [
                .init(ip: "192.0.2.7", ipMode: "VIP"), .init(hostname: "lb.example.com"),
            ])
    }

    @Test("Every field may be null, which means the same as leaving it out")
    func nulls() throws {
        let nulls = try spec(
            """
            {type: null, selector: null, ports: null, clusterIP: null, clusterIPs: null, ipFamilies: null,
             externalIPs: null, loadBalancerSourceRanges: null, sessionAffinity: null, sessionAffinityConfig: null,
             internalTrafficPolicy: null, externalTrafficPolicy: null, healthCheckNodePort: null,
             publishNotReadyAddresses: null}
            """)
        #expect(nulls == ServiceSpec())
        #expect(try spec("{}") == ServiceSpec())
    }

    @Test("Words may be left empty, as templates do")
    func emptyWords() throws {
        let empty = try spec(
            "{type: '', sessionAffinity: '', internalTrafficPolicy: '', externalTrafficPolicy: '', clusterIP: ''}")
        #expect(empty == ServiceSpec())
    }

    @Test(
        "The kinds of Service",
        arguments: [
            ("ClusterIP", ServiceType.clusterIP), ("NodePort", .nodePort), ("LoadBalancer", .loadBalancer),
            ("ExternalName", .externalName),
        ])
    func types(_ word: String, _ type: ServiceType) throws {
        #expect(try spec("type: \(word)").type == type)
    }

    @Test("An ExternalName has no ports and no addresses; its name is a matter of DNS")
    func externalName() throws {
        let name = try spec("{type: ExternalName, externalName: db.example.com}")
        #expect(name == ServiceSpec(type: .externalName, externalName: "db.example.com"))
        #expect(!name.isHeadless)
        #expect(try spec("{type: ExternalName, externalName: db.example.com.}") == name)
        #expect(throws: DecodingError.self) { try spec("{type: ExternalName, externalName: Not A Name}") }
        #expect(try spec("{externalName: Left Over}").externalName == "Left Over", "of another type")
    }

    @Test(
        "A Service is headless by None, in either field",
        arguments: [
            ("clusterIP: None", true), ("clusterIPs: [None]", true), ("{clusterIP: None, clusterIPs: [None]}", true),
            ("clusterIP: 10.96.0.1", false), ("clusterIP: ''", false), ("{}", false),
        ])
    func headless(_ fields: String, _ headless: Bool) throws {
        #expect(try spec(fields).isHeadless == headless)
    }

    @Test("The list of cluster IPs comes before the single one, which older servers and people write")
    func clusterIPs() throws {
        func texts(_ fields: String) throws -> [String] {
            try spec(fields).clusterIPs.compactMap(\.address).map(\.description)
        }
        #expect(try texts("clusterIP: 10.96.0.1") == ["10.96.0.1"])
        #expect(try texts("{clusterIP: 10.96.0.1, clusterIPs: []}") == ["10.96.0.1"])
        #expect(try texts("{clusterIP: 10.96.0.1, clusterIPs: ['FD00:0::1', 10.96.0.1]}") == ["fd00::1", "10.96.0.1"])
    }

    @Test("Affinity to a client's address is for three hours, if no time is given")
    func affinity() throws {
        func affinity(_ fields: String) throws -> Int? {
            let spec = try spec(fields)
            return spec.clientIPAffinity ? spec.affinityTimeout : nil
        }
        #expect(try affinity("sessionAffinity: None") == nil)
        #expect(try affinity("sessionAffinity: ClientIP") == 10_800)
        for config in ["null", "{}", "{clientIP: null}", "{clientIP: {}}", "{clientIP: {timeoutSeconds: null}}"] {
            #expect(
                try affinity("{sessionAffinity: ClientIP, sessionAffinityConfig: \(config)}") == 10_800, "\(config)")
        }
        for seconds in [1, 86_400] {
            let config = "{clientIP: {timeoutSeconds: \(seconds)}}"
            #expect(try affinity("{sessionAffinity: ClientIP, sessionAffinityConfig: \(config)}") == seconds)
        }
    }

    @Test("The two traffic policies are told apart")
    func policies() throws {
        let inside = try spec("internalTrafficPolicy: Local")
        #expect(inside.internalTrafficPolicy == .local && inside.externalTrafficPolicy == .cluster)
        let outside = try spec("{externalTrafficPolicy: Local, healthCheckNodePort: 32000}")
        #expect(outside.internalTrafficPolicy == .cluster && outside.externalTrafficPolicy == .local)
        #expect(outside.healthCheckNodePort == 32000)
        #expect(try spec("healthCheckNodePort: 0").healthCheckNodePort == nil)
    }

    @Test("Addresses from outside are kept as written, since a bad one costs only itself")
    func keptAsWritten() throws {
        let spec = try spec("{externalIPs: [198.51.100.1, here, ''], loadBalancerSourceRanges: ['10.0.0.0/8 ', all]}")
        #expect(spec.externalIPs == ["198.51.100.1", "here", ""])
        #expect(spec.loadBalancerSourceRanges == ["10.0.0.0/8 ", "all"])
    }

    @Test(
        "A Service without load balancer has no ingress, however that is said",
        arguments: [
            "", "status: null", "status: {}", "status: {loadBalancer: null}", "status: {loadBalancer: {}}",
            "status: {loadBalancer: {ingress: null}}", "status: {loadBalancer: {ingress: []}}",
        ])
    func noIngress(_ status: String) throws {
        let web = try read(Service.self, "metadata: {name: web}\nspec: {}\n\(status)\n")
        #expect(web.status == ServiceStatus())
    }

    @Test("YAML's yes and no are true and false, unless in quotes")
    func flags() throws {
        #expect(try spec("publishNotReadyAddresses: yes").publishNotReadyAddresses)
        #expect(try !spec("publishNotReadyAddresses: off").publishNotReadyAddresses)
        #expect(
            try words("publishNotReadyAddresses: 'yes'")
                == "publishNotReadyAddresses: expected true or false, found \"yes\"")
        #expect(try words("publishNotReadyAddresses: 1") == "publishNotReadyAddresses: expected true or false, found 1")
    }
}
