import Base
import Cluster
import Manifests
import Objects
import Resolution

/// Mistakes that show only when objects are taken together: Services that select nothing, ports that no container has,
/// and what two Services have that only one can have.
struct ServiceInspection {
    struct Finding {
        let severity: ManifestProblem.Severity
        let id: ObjectID
        var field: String?
        let message: String
    }

    private(set) var findings: [Finding] = []
    private(set) var facts: [CheckFindings.Fact] = []
    private let store: ClusterStore
    private let workloads: [Workload]
    private let pods: [Pod]
    /// What has labels that a Service may select: its title, its namespace, and they.
    private let labelled: [(String, String, [String: String])]
    /// How often it was looked for what may have been meant.
    private var guesses = 0
    private static let mostGuesses = 100

    init(_ resolver: Resolver) {
        store = resolver.store
        workloads = store.allWorkloads.sorted { $0.id < $1.id }
        pods = store.allPods
        labelled =
            workloads.map { ($0.title, $0.metadata.namespace, $0.template.labels) }
            + pods.map { ("Pod \($0.metadata.name)", $0.metadata.namespace, $0.metadata.labels) }
        let services = store.serviceKeys.sorted().compactMap { resolver.store.service($0) }
        let selecting = services.filter { !$0.spec.selector.isEmpty && $0.spec.type != .externalName }
        if workloads.isEmpty, pods.isEmpty {
            let unknown = selecting.filter { !hasEndpoints($0) }
            if !unknown.isEmpty {
                facts.append(
                    CheckFindings.Fact(
                        text: "no pod and no workload is here, so nobody can tell what Services select",
                        details: unknown.map { "Service \($0.metadata.key): nobody can tell what it selects" }))
            }
        } else {
            for service in selecting { inspectSelection(of: service) }
        }
        for service in services where service.spec.selector.isEmpty { inspectLone(service) }
        inspectAddresses(of: services)
    }

    private mutating func add(
        _ service: Service, _ field: String?, _ message: String, _ severity: ManifestProblem.Severity = .warning
    ) {
        findings.append(
            Finding(
                severity: severity, id: ObjectID(.service, service.metadata.key), field: field, message: message))
    }

    private func hasEndpoints(_ service: Service) -> Bool {
        !store.slices(of: service.metadata.key).isEmpty || store.endpoints(of: service.metadata.key) != nil
    }

    // MARK: What is selected

    private mutating func inspectSelection(of service: Service) {
        guard !hasEndpoints(service) else { return }
        let (workloads, pods) = (store.workloads(for: service), store.pods(for: service))
        guard !workloads.isEmpty || !pods.isEmpty else {
            let labels = service.spec.selector.asLabels
            return add(
                service, "spec.selector", "no pod and no workload has the labels \(labels)" + nearest(to: service))
        }
        let crew: [(owner: String, spec: PodSpec)] =
            workloads.map { (owner: $0.title, spec: $0.template.spec) }
            + pods.map { (owner: "Pod \($0.metadata.name)", spec: $0.spec) }
        for (index, port) in service.spec.ports.enumerated() {
            inspect(port, at: "spec.ports[\(index)].targetPort", of: service, crew)
        }
    }

    private mutating func inspect(
        _ port: ServicePortSpec, at field: String, of service: Service, _ crew: [(owner: String, spec: PodSpec)]
    ) {
        let transport = port.transport.rawValue
        if case .name(let name) = port.targetPort {
            for (owner, spec) in crew where !spec.offers(port) {
                let near = NearMiss.of(name, among: spec.containers.flatMap(\.ports).compactMap(\.name))
                let hint = near.map { ": did you mean \($0)?" } ?? spec.portList
                add(service, field, "\(owner) has no \(transport) port named \(name)\(hint)")
            }
            return
        }
        let number = if case .number(let target) = port.targetPort { target } else { port.port }
        // Containers need not say which ports they have; those that do say it mostly of all.
        let declared = crew.map { $0.spec.containers.flatMap(\.ports).filter { $0.transport == port.transport } }
        guard !declared.contains(where: { $0.isEmpty || $0.contains { $0.containerPort == number } }) else { return }
        let owner = crew.count == 1 ? crew[0].owner : "what it selects"
        add(service, field, "\(owner) has no \(transport) port \(number)" + (crew.first?.spec.portList ?? ""))
    }

    /// What probably was to be selected; of the first Services only that select nothing, since all that has labels is looked at for each.
    private mutating func nearest(to service: Service) -> String {
        guard guesses < Self.mostGuesses else { return "" }
        guesses += 1
        let (selector, namespace) = (service.spec.selector, service.metadata.namespace)
        func lacking(_ labels: [String: String]) -> [String] { selector.keys.filter { labels[$0] != selector[$0] } }
        if let other = labelled.first(where: { $0.1 != namespace && lacking($0.2).isEmpty }) {
            return "; \(other.0) in the namespace \(other.1) has them"
        }
        for (title, _, labels) in labelled where labels.isEmpty == false {
            let missing = lacking(labels)
            guard missing.count == 1, let name = missing.first, let wanted = selector[name] else { continue }
            if let found = labels[name], selector.count > 1 || NearMiss.of(wanted, among: [found]) != nil {
                return ": did you mean \(name)=\(found), as \(title) has?"
            }
            if let key = NearMiss.of(name, among: labels.keys.filter { labels[$0] == wanted }) {
                return ": did you mean \(key)=\(wanted), as \(title) has?"
            }
        }
        return ""
    }

    private mutating func inspectLone(_ service: Service) {
        guard service.spec.type != .externalName, !service.spec.ports.isEmpty, !hasEndpoints(service) else { return }
        add(service, "spec.selector", "it selects no pods, and no EndpointSlice or Endpoints object has its endpoints")
    }

    // MARK: What only one can have

    private mutating func inspectAddresses(of services: [Service]) {
        var addresses: [IPAddress: ObjectKey] = [:]
        var nodePorts: [String: ObjectKey] = [:]
        for service in services {
            let key = service.metadata.key
            for ip in Set(service.spec.clusterIPs.compactMap(\.address)).sorted() {
                if let other = addresses.updateValue(key, forKey: ip) {
                    add(service, "spec.clusterIP", "\(ip) is that of Service \(other) too", .error)
                }
            }
            for (index, port) in service.spec.ports.enumerated() {
                guard let number = port.nodePort else { continue }
                if let other = nodePorts.updateValue(key, forKey: "\(number)/\(port.transport.rawValue)") {
                    let owner = other == key ? "another port" : "Service \(other)"
                    add(service, "spec.ports[\(index)].nodePort", "\(number) is that of \(owner) too", .error)
                }
            }
        }
    }
}
