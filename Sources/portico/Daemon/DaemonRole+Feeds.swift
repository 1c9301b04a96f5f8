import Admin
import EventLoop
import Host
import KubernetesAPI
import Proxy
import Status

// What wakes the daemon, and what keeps others informed of it.
extension DaemonRole {
    enum Event: Sendable {
        /// The rules have followed the changes up to this one, or could not.
        case redirected(NodeProxy.Redirected, SyncMeter.Mark)
        /// Interfaces of this machine or their addresses have changed.
        case addresses
        /// Another process has taken over.
        case succeeded
        /// The configuration file says something else.
        case configuration(ConfigurationWatch.News)
        /// It is time to start anew with it.
        case restartDue
        /// The former process may have let go of more of its doors.
        case doorsDue
        /// The Node has had its time to get addresses.
        case addressesDue
        /// The Node has had its time to get ranges for its pods.
        case podRangesDue
        /// The Node is such that this process has to end.
        case nodeEnds
    }

    /// Begins all that goes on beside the session, each until its task is cancelled.
    func feeds(_ proxy: NodeProxy, _ keeper: RuleKeeper, _ tools: SessionTools<Event>) -> [Task<Void, Never>] {
        [
            Task { await keeper.heal() },
            Task { await Self.watchAddresses { tools.wake(.addresses) } },
            Task { [manager] in await Self.keepAlive(manager) },
            Task { [watch = restart.watch] in await watch?.follow { tools.wake(.configuration($0)) } },
        ] + (options.followsCluster ? clusterFeeds(proxy, tools) : [])
    }

    private func clusterFeeds(_ proxy: NodeProxy, _ tools: SessionTools<Event>) -> [Task<Void, Never>] {
        func wake(_ event: Event, after duration: Duration) -> Task<Void, Never> {
            Task { if (try? await Task.sleep(for: duration)) != nil { tools.wake(event) } }
        }
        var feeds = [
            wake(.addressesDue, after: NodeIdentity.addressPatience),
            wake(.podRangesDue, after: NodeIdentity.podRangePatience),
        ]
        if let recorder = options.events {
            let feed = EventFeed(node: settings.nodeName, recorder: recorder) { await proxy.uid(ofService: $0) }
            let changes = tools.teller.board.reader()
            feed.begin()
            feeds += [Task { await recorder.run() }, Task { await feed.follow(changes) }]
        }
        return feeds
    }

    /// Has doors tried again that the former process had in this one's way: it lets go of them within moments, and only it
    /// sees when.
    func retryDoors(_ tools: SessionTools<Event>) {
        let (proxy, keeper) = (parts?.proxy, parts?.keeper)
        let pauses: [Duration] = [.zero, .milliseconds(50), .milliseconds(200), .seconds(1), .seconds(4)]
        Task {
            for pause in pauses {
                try? await Task.sleep(for: pause)
                tools.wake(.doorsDue)
            }
            // By now it has done what it had begun, to the rules as well.
            await proxy?.expectLeftovers()
            keeper?.request(.check)
        }
    }

    /// Tells whenever the kernel says that interfaces or their addresses have changed.
    private static func watchAddresses(_ changed: () -> Void) async {
        guard let watch = try? KernelNews(.addresses) else { return }
        // For what has changed before somebody listened.
        changed()
        for await _ in watch.news {
            changed()
            // They come in several at once, with a network plug-in at work in many.
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Tells the service manager that this process lives, as often as it wants to hear it.
    private static func keepAlive(_ manager: ServiceManager) async {
        guard let interval = manager.watchdogInterval else { return }
        while (try? await Task.sleep(for: interval)) != nil { manager.ping() }
    }
}
