import ArgumentParser
import Base
import Testing

@testable import portico

/// The words of `portico forward`.
@Suite struct ForwardRequestTests {
    private func text(_ words: String) -> String {
        do throws(ArgumentError) {
            return try ForwardRequest.parse(words.split(separator: " ").map(String.init)).map { request in
                let ports = request.ports.map { port in
                    let remote =
                        switch port.remote {
                        case .number(let number): "\(number)"
                        case .name(let name): name
                        }
                    return (port.local.map { "\($0)" } ?? "same") + ">" + remote
                }
                return "\(request) " + ports.joined(separator: " ")
            }.joined(separator: "; ")
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "Targets and ports, as kubectl takes them, and several at once",
        arguments: [
            ("service/my-service 10000:80", "service/my-service 10000>80"),
            (
                "svc/web 8080:80 svc/db 5432 pod/cache-0 :6379",
                "service/web 8080>80; service/db same>5432; pod/cache-0 0>6379"
            ),
            ("web-0 5000 0:6000", "pod/web-0 same>5000 0>6000"), ("services/a https", "service/a same>https"),
            ("deployment.apps/web 8443:https", "deployment/web 8443>https"), ("deploy/web 1", "deployment/web same>1"),
            ("sts/db 1", "statefulset/db same>1"), ("DS/log 1", "daemonset/log same>1"),
            ("rs/a 1", "replicaset/a same>1"),
            ("job/a 1", "job/a same>1"), ("po/a.b 1", "pod/a.b same>1"),
            ("pod/x 80 svc/y 1 pod/x 90", "pod/x same>80 same>90; service/y same>1"),
        ])
    func understood(words: String, meaning: String) { #expect(text(words) == meaning) }

    @Test(
        "What is wrong is said, with what would be right",
        arguments: [
            ("", "nothing to forward to: name it, as service/my-service"),
            ("svc/web", "service/web: at least one port is needed, as service/web 8080:80"),
            ("svc/web 80 pod/x", "pod/x: at least one port is needed, as pod/x 8080:80"),
            (
                "configmap/web 80",
                "'configmap' has no pods: service, pod, deployment, statefulset, daemonset, replicaset or job"
            ),
            ("svc/web/x 80", "'svc/web/x' is not TYPE/NAME, as service/my-service, nor the name of a pod"),
            ("svc/ 80", "'svc/' is not TYPE/NAME, as service/my-service, nor the name of a pod"),
            ("svc/../x 80", "'svc/../x' is not TYPE/NAME, as service/my-service, nor the name of a pod"),
            ("svc/web 0", "'0': remote port must be > 0"), ("svc/web 80:0", "'80:0': remote port must be > 0"),
            ("svc/web 1:2:3", "'1:2:3' is not [LOCAL:]REMOTE, as 8080:80"),
            ("svc/web 70000", "'70000': '70000' is not a port: 1 to 65535, or its name"),
            ("svc/web 80:", "'80:': '' is not a port: 1 to 65535, or its name"),
            ("svc/web x:80", "'x:80': 'x' is not a port of this machine: 0 to 65535"),
            ("svc/web 99999:80", "'99999:80': '99999' is not a port of this machine: 0 to 65535"),
        ])
    func mistakes(words: String, answer: String) { #expect(text(words) == answer) }

    @Test("Where it listens: localhost in both families, each address once; beyond this machine only if that is meant")
    func options() throws {
        func forward(_ words: String...) throws -> Forward {
            try #require(try Portico.parseAsRoot(["forward", "svc/web", "80"] + words) as? Forward)
        }
        #expect(try forward().forwarding.addresses == [nil])
        let both = try forward("--address", "localhost,127.0.0.2", "--address", "::1,127.0.0.2")
        #expect(both.forwarding.addresses == [nil, IPAddress("127.0.0.2"), IPAddress("::1")])
        #expect(try forward("--pod-running-timeout=1m30s").forwarding.podRunningTimeout.duration == .seconds(90))
        #expect(throws: (any Error).self) { try forward("--address", "0.0.0.0") }
        #expect(try forward("--address", "0.0.0.0", "--share").sharing.share)
        for mistake in ["", "localhost,", "example.com", "127.0.0.1:80"] {
            #expect(throws: (any Error).self, "\(mistake)") { try forward("--address", mistake) }
        }
        #expect(throws: (any Error).self) {
            try Portico.parseAsRoot(["forward", "svc/web", "8080:80", "svc/db", "8080:5432"])
        }
    }
}
