import Base
import Objects
import TestSupport
import Testing

@Suite("Pods as they are written")
struct PodDecodingTests {
    private func pod(_ fields: String) throws -> Pod { try read(Pod.self, "metadata: {name: web-1}\n\(fields)") }

    @Test("What an API server prints is read, down to the ports of containers")
    func printed() throws {
        let pod = try read(
            Pod.self,
            """
            apiVersion: v1
            kind: Pod
            metadata:
              name: web-1
              labels: {app: web, pod-template-hash: 5d7f}
              creationTimestamp: null
            spec:
              nodeName: node-a
              hostname: web-1
              subdomain: web
              initContainers:
              - {name: setup, image: setup, ports: [{name: admin, containerPort: 1}]}
              - {name: mesh, restartPolicy: Always, ports: [{name: admin, containerPort: 15000}]}
              containers:
              - name: web
                image: web:1
                resources: {limits: {cpu: 100m, memory: 1Gi}}
                ports:
                - {name: http, containerPort: 8080, hostPort: 80, protocol: TCP}
                - {name: dns, containerPort: 53, protocol: UDP}
              - {name: plain, ports: null}
              restartPolicy: Never
              tolerations: [{key: a, operator: Exists}]
            status:
              phase: Running
              conditions:
              - {type: Initialized, status: "True", lastProbeTime: null}
              - {type: Ready, status: "True"}
              podIP: 10.244.1.5
              podIPs: [{ip: 10.244.1.5}, {ip: "fd00::5"}]
              hostIP: 192.0.2.1
              qosClass: BestEffort
            """)
        #expect(pod.spec.nodeName == "node-a" && pod.spec.hostname == "web-1" && pod.spec.subdomain == "web")
        #expect(pod.status.podIPs == [ip("10.244.1.5"), ip("fd00::5")])
        #expect(pod.isReady && !pod.isTerminating && !pod.isFinished)
        #expect(pod.spec.containerPort(named: "http", transport: .tcp) == 8080)
        #expect(pod.spec.containerPort(named: "dns", transport: .udp) == 53)
        // Of the init containers only the sidecar is running.
        #expect(pod.spec.containerPort(named: "admin", transport: .tcp) == 15000)
    }

    @Test("A port is known by its name and protocol together")
    func portNames() throws {
        let spec = try read(
            PodSpec.self,
            """
            containers:
            - ports: [{containerPort: 1}, {name: dns, containerPort: 53, protocol: UDP}]
            - ports: [{name: dns, containerPort: 5353}, {name: dns, containerPort: 9}]
            """)
        #expect(spec.containerPort(named: "dns", transport: .udp) == 53)
        #expect(spec.containerPort(named: "dns", transport: .tcp) == 5353)
        #expect(spec.containerPort(named: "dns", transport: .sctp) == nil)
        #expect(spec.containerPort(named: "", transport: .tcp) == nil)
    }

    @Test("A bare pod is read, and so is one of nulls")
    func bare() throws {
        let nulls =
            "spec: {nodeName: null, containers: null, initContainers: null}\n"
            + "status: {phase: null, podIP: null, podIPs: null, conditions: null}"
        for fields in ["", "spec: null\nstatus: null", "spec: {}\nstatus: {}", nulls, "status: {phase: '', podIP: ''}"]
        {
            #expect(try pod(fields) == Pod(metadata: ObjectMeta(name: "web-1")), "\(fields)")
        }
    }

    @Test("The single address counts where there is no list of them")
    func addresses() throws {
        func texts(_ status: String) throws -> [String] {
            try read(PodStatus.self, status).podIPs.map(\.description)
        }
        #expect(try texts("podIP: 10.0.0.1") == ["10.0.0.1"])
        #expect(try texts("{podIP: 10.0.0.1, podIPs: []}") == ["10.0.0.1"])
        #expect(try texts("{podIP: 10.0.0.1, podIPs: [{ip: 'fd00::1'}]}") == ["fd00::1"])
    }

    @Test(
        "Ready is what its condition says; without any conditions, a pod that runs",
        arguments: [
            ("{}", true), ("conditions: null", true), ("conditions: []", true), ("phase: Running", true),
            ("phase: Pending", false), ("phase: Unknown", false), ("phase: Succeeded", false),
            ("conditions: [{type: Ready, status: 'True'}]", true),
            ("{phase: Pending, conditions: [{type: Ready, status: 'True'}]}", true),
            ("{phase: Running, conditions: [{type: Ready, status: 'False'}]}", false),
            ("{phase: Running, conditions: [{type: Ready, status: Unknown}]}", false),
            ("{phase: Running, conditions: [{type: Ready, status: 'true'}]}", false),
            ("{phase: Running, conditions: [{type: ContainersReady, status: 'True'}]}", false),
        ])
    func ready(_ status: String, _ ready: Bool) throws {
        #expect(try pod("status: {\(status.trimmingBraces)}").isReady == ready)
    }

    @Test("A pod that is deleted terminates, one that has ended is finished")
    func ending() throws {
        let deleted = try read(Pod.self, "metadata: {name: web-1, deletionTimestamp: 2026-11-23T13:41:38Z}")
        #expect(deleted.isTerminating && !deleted.isFinished)
        #expect(try !read(Pod.self, "metadata: {name: web-1, deletionTimestamp: null}").isTerminating)
        for (phase, finished) in [("Succeeded", true), ("Failed", true), ("Running", false), ("Unknown", false)] {
            #expect(try pod("status: {phase: \(phase)}").isFinished == finished, "\(phase)")
        }
    }

    @Test(
        "A wrong value is told with its place, what was expected, and what is there",
        arguments: [
            ("spec: []", "spec: expected an object, found a list"),
            ("spec: {nodeName: 7}", "spec.nodeName: expected text, found 7 (put it in quotes)"),
            ("spec: {containers: {}}", "spec.containers: expected a list, found an object"),
            ("spec: {containers: [web]}", "spec.containers[0]: expected an object, found \"web\""),
            ("spec: {containers: [{ports: 80}]}", "spec.containers[0].ports: expected a list, found 80"),
            (
                "spec: {containers: [{ports: [{name: http}]}]}",
                "spec.containers[0].ports[0].containerPort: expected a number from 1 to 65535, found nothing"
            ),
            (
                "spec: {initContainers: [{}, {ports: [{containerPort: 0}]}]}",
                "spec.initContainers[1].ports[0].containerPort: expected a number from 1 to 65535, found 0"
            ),
            (
                "spec: {containers: [{ports: [{containerPort: 1, protocol: HTTP}]}]}",
                "spec.containers[0].ports[0].protocol: expected TCP, UDP or SCTP, found \"HTTP\""
            ),
            (
                "status: {phase: Terminating}",
                "status.phase: expected Pending, Running, Succeeded, Failed or Unknown, found \"Terminating\""
            ),
            ("status: {podIP: web}", "status.podIP: expected an IP address, found \"web\""),
            ("status: {podIP: 10.5}", "status.podIP: expected text, found 10.5 (put it in quotes)"),
            ("status: {podIPs: [10.0.0.1]}", "status.podIPs[0]: expected an object, found \"10.0.0.1\""),
            ("status: {podIPs: [{}]}", "status.podIPs[0]: expected a field ip"),
            ("status: {podIPs: [{ip: ''}]}", "status.podIPs[0].ip: expected an IP address, found \"\""),
            ("status: {conditions: {Ready: true}}", "status.conditions: expected a list, found an object"),
            ("status: {conditions: [{type: Ready}]}", "status.conditions[0]: expected a field status"),
            // What people forget: the status of a condition is text.
            (
                "status: {conditions: [{type: Ready, status: True}]}",
                "status.conditions[0].status: expected text, found True (put it in quotes)"
            ),
        ])
    func wrong(_ field: String, _ expected: String) throws {
        #expect(try words(about: Pod.self, "{metadata: {name: web-1}, \(field)}") == expected)
    }
}

extension String {
    fileprivate var trimmingBraces: String { hasPrefix("{") ? String(dropFirst().dropLast()) : self }
}
