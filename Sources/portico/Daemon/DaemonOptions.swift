import Base
import KubernetesAPI

/// How the daemon lives, apart from what it serves; fixed at start.
struct DaemonOptions: Sendable {
    var syncPeriod: Duration
    var minSyncPeriod: Duration
    var drainTimeout: Duration
    /// The same once another process has taken over; nil for no limit.
    var takeoverDrainTimeout: Duration?
    var cleanupOnExit: Bool
    /// Of `/healthz`; nil for none.
    var healthAddress: EndpointAddress?
    /// It ends if that cannot be listened at.
    var isHealthRequired = false
    /// Where listening sockets are handed from one process to the next; nil for nowhere.
    var takeover: String?
    /// A process that does not answer there is killed.
    var isTakeoverForced: Bool
    /// Once another process has taken over, a signal is waited for before the end.
    var staysReplaced = false
    /// There while this process serves.
    var readyFile: ReadyFile?
    /// Whether others are taken over from with nothing to serve.
    var allowsEmpty: Bool
    /// Objects come from an API server, and not from manifests.
    var followsCluster = false
    /// Pods are known by the ranges of the Node and by nothing else.
    var needsPodRanges = false
    /// Writes events to the cluster; nil without one.
    var events: EventRecorder?
}
