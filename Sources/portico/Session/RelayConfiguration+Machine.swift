import Base
import EventLoop
import Glibc
import Relay

extension RelayConfiguration {
    /// A worker for each core, and as many descriptors as the process may have: its limit is raised.
    ///
    /// - Parameter udpTimeout: how long UDP flows may be silent; nil if that follows what they do.
    static func ofThisMachine(udpTimeout: Duration?) -> RelayConfiguration {
        let budget = DescriptorBudget(limit: ResourceLimits.raiseDescriptorLimit())
        var configuration = RelayConfiguration(workers: sysconf(Int32(_SC_NPROCESSORS_ONLN)), budget: budget)
        configuration.descriptorCeiling = budget.ceiling
        configuration.udpTimeout = udpTimeout.map { UInt64($0 / .milliseconds(1)) }
        return configuration
    }
}
