import Base
import Cluster
import Glibc
import KubernetesAPI

// Where the Services of `portico dev` come from, and who looks at them.
extension Dev {
    /// The current context is nobody's to use who has not named it, or the files that it is in.
    var isOfCluster: Bool {
        cluster.isGiven
            || selection.files.isEmpty && lone.services.isEmpty
                && ProcessEnvironment.variables["KUBECONFIG"]?.isEmpty == false
    }

    func namedCluster() throws -> NamedCluster? {
        guard isOfCluster else { return nil }
        return try NamedCluster(
            cluster, mayAsk: command.isEmpty, standard: .standard(ProcessEnvironment.variables))
    }

    func source(_ named: NamedCluster?, _ teller: StatusTeller) -> SourceReader? {
        if let named {
            let selected = APISelection.services(namespaces: selection.namespaces.map(\.name))
            return SourceReader(APISource(named.client, selected, meter: named.meter), teller, mayBeEmpty: true)
        }
        return selection.files.isEmpty ? nil : SourceReader(selection.inputs, teller)
    }

    /// Somebody looks at what is printed, on a terminal where it can be kept up to date.
    var isWatched: Bool {
        printing.output == .text && !view.plain && command.isEmpty && StandardStream.output.takesView
            && TerminalModes(descriptor: STDOUT_FILENO).isInForeground
    }

    var followed: String? {
        if isOfCluster { return "Changes of the cluster" }
        return selection.files.isEmpty ? nil : "Changes of manifests"
    }
}
