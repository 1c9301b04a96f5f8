import ArgumentParser
import Base
import Documents
import KubernetesAPI
import Objects

/// A `KubeProxyConfiguration`, as kubeadm has it in a ConfigMap: what it sets, each thing as the value of a flag.
///
/// All mistakes are found at once. Fields that are not known are passed over with a note, as kube-proxy does once its
/// strict reading has failed.
struct KubeProxyConfiguration {
    struct Value {
        let setting: KubeProxySetting
        /// As the flag takes it.
        let text: String
        /// File and line.
        let place: String
    }

    static let apiVersion = "kubeproxy.config.k8s.io/v1alpha1"
    static let kind = "KubeProxyConfiguration"

    let path: String
    private(set) var values: [Value] = []
    /// What is passed over, and why.
    private(set) var notes: [String] = []

    /// Reads and checks a file. Blocks for a moment.
    init(file path: String) throws(ConfigurationMistakes) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try LocalFile.read(path)
        } catch {
            throw ConfigurationMistakes("--config: cannot \(error)")
        }
        try self.init(bytes, path: path)
    }

    init(_ bytes: [UInt8], path: String) throws(ConfigurationMistakes) {
        self.path = path
        var reader: ConfigurationReader
        do throws(SyntaxError) {
            reader = ConfigurationReader(tree: try DocumentTree.read(bytes), path: path)
        } catch {
            throw ConfigurationMistakes("\(path):\(error.line): \(error.message)")
        }
        reader.read()
        (values, notes) = (reader.values, reader.notes)
        // Together, and one by one only to find out which are wrong.
        if !reader.mistakes.isEmpty || Self.complaint(about: values) != nil {
            let mistakes = reader.mistakes + values.compactMap(Self.mistake)
            if !mistakes.isEmpty { throw ConfigurationMistakes(mistakes + notes) }
            // Each is right, but not beside the others.
            throw ConfigurationMistakes("\(path): \(Self.complaint(about: values) ?? "")")
        }
        notes += values.compactMap(\.note)
    }

    /// What the parser of the flag says against a value.
    private static func mistake(in value: Value) -> String? {
        guard let message = complaint(about: [value]) else { return nil }
        return "\(value.place): \(value.setting.field ?? ""): \(ConfigurationMistakes.reason(of: message))"
    }

    private static func complaint(about values: [Value]) -> String? {
        var flags = values.compactMap { value in
            value.setting.reasonForNothing(true) == nil ? value.setting.flag.map { "--\($0)=\(value.text)" } : nil
        }
        // What does nothing in userspace mode is to be right all the same.
        flags.append("--proxy-mode=\(KubeProxyOptions.Mode.iptables.rawValue)")
        do {
            // With something that makes the rest of the command line right.
            _ = try Portico.parseAsRoot([Daemon.name] + DaemonCommandLine(["--cleanup"] + flags).plain)
            return nil
        } catch {
            return Portico.message(for: error)
        }
    }
}

extension KubeProxyConfiguration.Value {
    /// Why it does nothing, where it asks for something.
    fileprivate var note: String? {
        guard case .none(let reason) = setting.effect, !setting.isStandard(text) else { return nil }
        return "\(place): \(setting.field ?? "") has no effect: \(reason)"
    }

    /// As an argument that `--write-config-to` gets it back from.
    var kept: String? {
        guard case .none = setting.effect, let field = setting.field else { return nil }
        return "--without-effect=\(field)=\(text)"
    }
}
