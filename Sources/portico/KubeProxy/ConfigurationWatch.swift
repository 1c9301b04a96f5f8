import ArgumentParser
import Base
import KubernetesAPI

/// Looks once a second whether the configuration file says something else than at the start. Its text counts, not its time or its
/// place: a ConfigMap changes by links that are moved.
struct ConfigurationWatch: Sendable {
    enum News: Sendable, Equatable {
        /// It asks for something else, and can be started anew with.
        case changed
        /// It is wrong; a daemon that was started anew would not come back.
        case wrong(ConfigurationMistakes)
        /// It asks again, perhaps in other words, for what it asked for at the start.
        case same
    }

    private let commandLine: DaemonCommandLine
    private let atStart: [String]

    /// - Parameters:
    ///   - arguments: of the subcommand, as a user gave them.
    ///   - atStart: what was made of them then.
    /// - Returns: nil if they name no file.
    init?(_ arguments: [String], atStart: [String]) {
        commandLine = DaemonCommandLine(arguments)
        guard commandLine.file != nil else { return nil }
        self.atStart = atStart
    }

    /// Tells whenever that is another than before, until the task is cancelled.
    func follow(every interval: Duration = .seconds(1), _ tell: (News) -> Void) async {
        var last = News.same
        while (try? await Task.sleep(for: interval)) != nil {
            let news = look()
            if news != last { tell(news) }
            last = news
        }
    }

    /// Blocks for a moment.
    func look() -> News {
        do throws(ConfigurationMistakes) {
            let arguments = try commandLine.settled()
            guard !DaemonCommandLine.haveSameEffect(arguments, atStart) else { return .same }
            try rehearse(arguments)
            return .changed
        } catch {
            return .wrong(error)
        }
    }

    /// Begins as a daemon with these arguments would, as far as that changes nothing.
    private func rehearse(_ arguments: [String]) throws(ConfigurationMistakes) {
        do {
            guard let daemon = try Portico.parseAsRoot([Daemon.name] + arguments) as? Daemon else { return }
            guard daemon.node.files.isEmpty else { return }
            _ = try NamedCluster.access(daemon.cluster, standard: nil)
        } catch let failure as CommandFailure {
            throw ConfigurationMistakes(failure.description)
        } catch {
            throw ConfigurationMistakes(Portico.message(for: error))
        }
    }
}
