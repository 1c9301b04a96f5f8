import Documents
import Foundation
import TestSupport
import Testing

/// The parts of a rendered DaemonSet that say how its containers are to be run, and the ConfigMaps beside it.
struct RenderedPod: Decodable {
    struct Container: Decodable {
        struct Variable: Decodable {
            struct Source: Decodable {
                struct Field: Decodable { var fieldPath: String }
                var fieldRef: Field
            }
            var name: String
            var value: String?
            var valueFrom: Source?
        }

        struct Mount: Decodable {
            var name: String
            var mountPath: String
            var subPath: String?
            var readOnly: Bool?
        }

        struct Security: Decodable {
            struct Capabilities: Decodable {
                var add: [String]
                var drop: [String]
            }
            var privileged: Bool?
            var readOnlyRootFilesystem: Bool
            var allowPrivilegeEscalation: Bool?
            var capabilities: Capabilities?
        }

        struct Probe: Decodable {
            struct Exec: Decodable { var command: [String] }
            struct Get: Decodable {
                var path: String
                var port: UInt16
                var host: String
            }
            var exec: Exec?
            var httpGet: Get?
        }

        var name: String
        var command: [String]
        var args: [String]
        var env: [Variable]?
        var securityContext: Security
        var volumeMounts: [Mount]
        var readinessProbe: Probe?
        var livenessProbe: Probe?
    }

    struct Volume: Decodable {
        struct HostPath: Decodable {
            var path: String
            var type: String
        }
        struct ConfigMap: Decodable { var name: String }
        struct EmptyDir: Decodable {}
        var name: String
        var hostPath: HostPath?
        var configMap: ConfigMap?
        var emptyDir: EmptyDir?
    }

    struct Security: Decodable { var runAsUser: Int }

    var securityContext: Security
    var hostNetwork: Bool
    var terminationGracePeriodSeconds: Int
    var initContainers: [Container]
    var containers: [Container]
    var volumes: [Volume]

    /// - Parameter name: of a file that `make deploy-check` keeps up to date.
    /// - Returns: the pod, and the files of each ConfigMap.
    static func read(_ name: String) throws -> (pod: RenderedPod, configMaps: [String: [String: String]]) {
        struct DaemonSet: Decodable {
            struct Spec: Decodable {
                struct Template: Decodable { var spec: RenderedPod }
                var template: Template
            }
            var spec: Spec
        }
        struct ConfigMap: Decodable {
            struct Metadata: Decodable { var name: String }
            var metadata: Metadata
            var data: [String: String]
        }
        let text = try String(contentsOfFile: "\(Lab.repository)/Tests/NodeTests/Rendered/\(name)", encoding: .utf8)
        var (pod, configMaps): (RenderedPod?, [String: [String: String]]) = (nil, [:])
        let bytes = Array(text.utf8)
        for chunk in DocumentSplitter.split(bytes) {
            let tree = try DocumentTree.read(Array(bytes[chunk.range]))
            guard let root = tree.root, let json = tree.json(of: root, atMost: 1 << 20) else { continue }
            switch tree.text(at: ["kind"], in: root) {
            case "DaemonSet": pod = try JSONDecoder().decode(DaemonSet.self, from: Data(json.utf8)).spec.template.spec
            case "ConfigMap":
                let map = try JSONDecoder().decode(ConfigMap.self, from: Data(json.utf8))
                configMaps[map.metadata.name] = map.data
            default: break
            }
        }
        return (try #require(pod), configMaps)
    }
}
