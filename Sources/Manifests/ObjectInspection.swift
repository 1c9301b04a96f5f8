internal import Documents
internal import Objects

/// What an API server would not take of an object that can be served all the same. For those who look for mistakes.
struct ObjectInspection {
    struct Finding {
        var severity = ManifestProblem.Severity.error
        let path: [PathStep]
        let message: String
    }

    private(set) var findings: [Finding] = []

    init(_ object: ClusterObject) {
        inspectLabels(object.metadata.labels, at: [.key("metadata"), .key("labels")])
        switch object {
        case .service(let service): inspect(service)
        case .workload(let workload): inspect(workload)
        case .pod(let pod): inspect(pod.spec, at: [.key("spec")])
        case .endpointSlice, .endpoints, .node: break
        }
    }

    // MARK: Kinds

    private mutating func inspect(_ service: Service) {
        inspectLabels(service.spec.selector, at: [.key("spec"), .key("selector")])
        if service.metadata.name.first?.isNumber == true {
            add([.key("metadata"), .key("name")], "begins with a digit, which most API servers refuse", .warning)
        }
        for (index, port) in service.spec.ports.enumerated() {
            let path: [PathStep] = [.key("spec"), .key("ports"), .index(index)]
            if case .name(let name) = port.targetPort { inspectPortName(name, at: path + [.key("targetPort")]) }
            if let nodePort = port.nodePort, [.clusterIP, .externalName].contains(service.spec.type) {
                add(
                    path + [.key("nodePort")],
                    "expected none for a Service of type \(service.spec.type.rawValue), found \(nodePort)")
            }
        }
    }

    private mutating func inspect(_ workload: Workload) {
        let template: [PathStep] = [.key("spec"), .key("template")]
        let labels = template + [.key("metadata"), .key("labels")]
        inspectLabels(workload.template.labels, at: labels)
        inspect(workload.template.spec, at: template + [.key("spec")])
        guard workload.kind != .job else { return }
        guard let selector = workload.selector else {
            return add([.key("spec"), .key("selector")], "expected a selector of its pods, found nothing")
        }
        inspectLabels(selector.matchLabels, at: [.key("spec"), .key("selector"), .key("matchLabels")])
        let lacking = selector.matchLabels.filter { workload.template.labels[$0.key] != $0.value }
        guard let first = lacking.min(by: { $0.key < $1.key }) else { return }
        let found = workload.template.labels[first.key].map { "\"\($0)\"" } ?? "nothing"
        add(labels + [.key(first.key)], "expected \"\(first.value)\", which the selector wants, found \(found)")
    }

    private mutating func inspect(_ spec: PodSpec, at path: [PathStep]) {
        for (list, containers) in [("containers", spec.containers), ("initContainers", spec.initContainers)] {
            for (index, container) in containers.enumerated() {
                var names: Set<String> = []
                for (position, port) in container.ports.enumerated() {
                    guard let name = port.name else { continue }
                    let place = path + [.key(list), .index(index), .key("ports"), .index(position), .key("name")]
                    inspectPortName(name, at: place)
                    if !names.insert(name).inserted {
                        add(place, "expected a name that no other port of the container has, found \"\(name)\"")
                    }
                }
            }
        }
    }

    // MARK: Words

    /// Ports of containers have shorter names than those of Services.
    private mutating func inspectPortName(_ name: String, at path: [PathStep]) {
        let isInner = { (byte: UInt8) in (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D }
        let isGood =
            name.utf8.count <= 15 && name.utf8.allSatisfy(isInner) && name.utf8.contains { $0 >= 0x61 }
            && name.first != "-" && name.last != "-" && !name.contains("--")
        guard !isGood else { return }
        add(path, "expected at most 15 lower-case letters, digits and single hyphens, found \"\(name)\"")
    }

    private mutating func inspectLabels(_ labels: [String: String], at path: [PathStep]) {
        let word = "at most 63 letters, digits, hyphens, points and underscores"
        for (name, value) in labels.sorted(by: { $0.key < $1.key }) {
            let place = path + [.key(name)]
            if !LabelRule.admits(name: name) {
                add(place, "expected \(word) as its name, or a DNS name, a slash and these, found \"\(name)\"")
            }
            if !LabelRule.admits(value: value) { add(place, "expected \(word), found \"\(value)\"") }
        }
    }

    private mutating func add(_ path: [PathStep], _ message: String, _ severity: ManifestProblem.Severity = .error) {
        findings.append(Finding(severity: severity, path: path, message: message))
    }
}
