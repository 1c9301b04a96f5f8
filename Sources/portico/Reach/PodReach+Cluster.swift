import Base
import KubernetesAPI
import Logging
import Objects
import Relay
import Status
import Tunnels

extension PodReach {
    /// Pods of this cluster. What is wrong with tunnels is logged.
    ///
    /// - Parameter tunnelProtocol: nil for whatever works.
    convenience init(
        _ choice: ReachChoice, by tunnelProtocol: TunnelProtocol?, _ upgrades: UpgradeClient, _ logger: Logger
    ) {
        let news = TunnelNews(logger)
        let tunnels = PodTunnels(upgrades, by: tunnelProtocol ?? .auto) { news.take($0) }
        self.init(choice) { pod, port, deliver in
            tunnels.connect(to: PodPort(namespace: pod.namespace, pod: pod.name, port: port), deliver: deliver)
        }
    }
}

extension RelayConfiguration {
    /// Has the relay reach pods so. What goes by tunnel carries the user's credentials, so nobody else's programs are
    /// served, unless that is wanted.
    mutating func carry(by reach: PodReach, share: Bool, _ logger: Logger) {
        guard reach.mayTunnel else { return }
        tunnels = { reach.tunnel(to: $1, of: $0) }
        servesOnlyOwnUser = !share
        if !share {
            logger.notice("only programs of your own user are served; --share lets the others of this machine in")
        }
    }
}

/// Logs why tunnels fail: what is wrong with the server or a permission is so for all pods, and is one line.
private final class TunnelNews: Sendable {
    private let logger: Logger
    /// Of these texts the last time was so long ago.
    private let told = Guarded<[String: ContinuousClock.Instant]>([:])
    private static let lull = Duration.seconds(60)
    private static let most = 100

    init(_ logger: Logger) { self.logger = logger }

    func take(_ problem: TunnelProblem) {
        guard let text = problem.text else { return }
        let now = ContinuousClock.now
        let isNew = told.withLock { told in
            if told.count >= Self.most { told = told.filter { now - $0.value < Self.lull } }
            guard told.count < Self.most, told[text].map({ now - $0 >= Self.lull }) ?? true else { return false }
            told[text] = now
            return true
        }
        if isNew { logger.warning("tunnel to \(problem.pod): \(text)") }
    }
}
