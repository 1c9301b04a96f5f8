/// Which kubeconfigs count.
public enum KubeconfigFiles: Hashable, Sendable {
    /// This one alone, which has to be there, as by `--kubeconfig`.
    case file(String)
    /// Those of these that are there, the first one first, as by `KUBECONFIG`.
    case list([String])

    /// Those that count where nobody names one: of `KUBECONFIG`, or `~/.kube/config`.
    public static func standard(_ environment: [String: String]) -> KubeconfigFiles {
        if let list = environment["KUBECONFIG"].content {
            return .list(list.split(separator: ":").map(String.init))
        }
        return .list(environment["HOME"].content.map { ["\($0)/.kube/config"] } ?? [])
    }

    var paths: [String] {
        switch self {
        case .file(let path): [path]
        case .list(let paths): paths
        }
    }
}
