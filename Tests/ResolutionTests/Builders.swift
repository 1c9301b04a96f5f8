import Balancing
import Base
import Resolution
import TestSupport

extension ClusterState {
    /// The only port of the only Service.
    func onlyPort(_ context: ResolutionContext = ResolutionContext(nodeName: "here")) -> ServicePort? {
        let ports = resolve(context).ports
        return ports.count == 1 ? ports.first : nil
    }
}

extension FamilySelection {
    var clusterText: [String] { cluster.map(\.address.description) }
    var localText: [String] { local.map(\.address.description) }
}
