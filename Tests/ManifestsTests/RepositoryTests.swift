import Balancing
import Base
import Foundation
import Objects
import Resolution
import TestSupport
import Testing

@testable import Manifests

/// Sets of manifests in the shapes that repositories have: Deployments and no pods, with all that stands around them.
@Suite("Manifests of repositories")
struct RepositoryTests {
    struct Repository: Sendable, CustomTestStringConvertible {
        let name: String
        let services: Int
        let ports: Int
        /// Pods that are played, by the names of their workloads.
        let pods: [String: Int]
        var testDescription: String { name }
    }

    static let all = [
        Repository(
            name: "online-shop", services: 12, ports: 12,
            pods: ["storefront": 3, "cart": 1, "redis-cart": 1, "email": 1, "load-generator": 0]),
        Repository(
            name: "book-shop", services: 4, ports: 4, pods: ["reviews-v1": 1, "reviews-v2": 1, "reviews-v3": 1]),
        Repository(name: "guest-book", services: 4, ports: 3, pods: ["frontend": 3, "redis-follower": 2]),
        Repository(
            name: "ingress-controller", services: 4, ports: 5,
            pods: ["ingress-controller": 1, "ingress-defaultbackend": 1, "ingress-admission-create": 0]),
        Repository(
            name: "gitops-tool", services: 9, ports: 13,
            pods: ["gitops-server": 2, "gitops-application-controller": 1]),
        Repository(
            name: "monitoring", services: 8, ports: 8,
            pods: ["grafana": 1, "statsd": 2, "probe": 1, "prometheus-main-demo": 1, "alertmanager-main-demo": 1]),
    ]

    @Test("All that are there are known here")
    func known() throws {
        let folder = try fixture("repositories")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == Self.all.map(\.name).sorted())
    }

    private func picture(_ repository: Repository) async throws -> Picture {
        await load([.path(try fixture("repositories/\(repository.name)"))])
    }

    @Test("All service ports have endpoints once the pods are played", arguments: all)
    func played(_ repository: Repository) async throws {
        let picture = try await picture(repository)
        #expect(picture.problems.isEmpty)
        #expect(picture.state.services.count == repository.services)
        let resolution = picture.state.resolve(
            ResolutionContext(servesUnassigned: true, explainsAbsence: true, playsPods: true))
        #expect(resolution.ports.count == repository.ports)
        for port in resolution.ports {
            #expect(port.endpoints.hasAny && port.absence == nil, "\(port.name)")
            #expect(port.endpoints.ipv4.cluster.allSatisfy { $0.isPlayed })
        }
        #expect(resolution.notes.filter { $0.level != .info }.isEmpty)
        let pods = Set(resolution.ports.flatMap(\.endpoints.ipv4.cluster).compactMap(\.podName))
        for (name, count) in repository.pods {
            #expect(
                pods.count { $0 == name || $0.wholeMatch(of: /(.+?)(-[0-9a-f]{5})?-\d+/)?.1 == name[...] } == count,
                "\(name)")
        }
    }

    @Test("Without that each says which pods would serve it", arguments: all)
    func explained(_ repository: Repository) async throws {
        let resolution = try await picture(repository).state.resolve(
            ResolutionContext(servesUnassigned: true, explainsAbsence: true))
        #expect(resolution.ports.count == repository.ports)
        for port in resolution.ports {
            #expect(!port.endpoints.hasAny)
            #expect(port.absence?.canBePlayed == true, "\(port.name): \(port.absence?.reason ?? "")")
        }
        let reasons = Dictionary(
            resolution.ports.map { ("\($0.name)", $0.absence?.reason) }, uniquingKeysWith: { first, _ in first })
        switch repository.name {
        case "online-shop":
            #expect(reasons["default/storefront:http"] == "3 replicas of Deployment storefront would serve it")
        case "book-shop":
            #expect(reasons["default/reviews:http"] == "1 replica of Deployment reviews-v1 and 2 others would serve it")
        case "guest-book":
            #expect(
                reasons["default/redis-follower:redis"] == "2 replicas of StatefulSet redis-follower would serve it")
        case "monitoring":
            #expect(reasons["ops/probe:http"] == "pod probe would serve it")
            #expect(reasons["monitoring/grafana:http"] == "1 replica of Deployment grafana would serve it")
            #expect(
                reasons["monitoring/prometheus-main:web"]
                    == "no pod has the labels app.kubernetes.io/component=prometheus,app.kubernetes.io/instance=main")
        default: break
        }
    }

    @Test("Who looks for mistakes finds none", arguments: all)
    func noMistakes(_ repository: Repository) async throws {
        let source = ManifestSource([.path(try fixture("repositories/\(repository.name)"))], inspects: true)
        _ = await source.next()
        #expect(await source.problems.map(\.description) == [])
    }

    @Test("The names of headless Services stand for the pods that are played")
    func headless() async throws {
        func names(_ repository: String, _ service: String) async throws -> [String] {
            var resolver = Resolver(
                ResolutionContext(servesUnassigned: true, resolvesHeadless: true, playsPods: true))
            let state = await load([.path(try fixture("repositories/\(repository)"))]).state
            _ = resolver.apply(state.changes)
            let found = resolver.services.first { $0.key.name == service }?.value.headless ?? []
            return found.flatMap(\.endpoints).map { $0.hostname ?? $0.podName ?? "" }
        }
        #expect(try await names("guest-book", "redis-peers") == ["redis-follower-0", "redis-follower-1"])
        #expect(try await names("monitoring", "node-exporter").count == 1)
        #expect(try await names("monitoring", "kube-state-metrics").count == 2)
    }
}
