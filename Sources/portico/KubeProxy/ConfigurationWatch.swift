import ArgumentParser
import Base
import KubernetesAPI

/// Looks once a second whether the configuration file says something else than at the start. Its text counts, not its
/// time or its place: a ConfigMap changes by links that are moved.
struct ConfigurationWatch: Sendable {
    enum News: Sendable, Equatable {
        /// It asks for something else, and can be started anew with.
        case changed
        /// It is wrong; a daemon that was started anew would not come back.
        case wrong(ConfigurationMistakes)
        /// It asks again, perhaps in other words, for what it asked for at the start.
        case same

        /// For as long as it is so.
        var problems: [Problem] {
            guard case .wrong(let mistakes) = self else { return [] }
            return mistakes.lines.map {
                Problem(.error, .source, "\($0); the configuration of the start stays in use")
            }
        }
    }

    private let commandLine: DaemonCommandLine
    private let file: String
    /// What this process was started with, as ``ConfigurationWriter/effect`` has it.
    private let atStart: String

    /// - Parameters:
    ///   - arguments: of the subcommand, as a user gave them.
    ///   - atStart: what was made of them then.
    /// - Returns: nil if they name no file.
    init?(_ arguments: [String], atStart: String) {
        commandLine = DaemonCommandLine(arguments)
        guard let file = commandLine.file else { return nil }
        self.file = file
        self.atStart = atStart
    }

    /// Tells whenever that is another than before, until the task is cancelled.
    func follow(every interval: Duration = .seconds(1), _ tell: (News) -> Void) async {
        var (last, text) = (News.same, nil as [UInt8]?)
        while (try? await Task.sleep(for: interval)) != nil {
            let bytes = try? LocalFile.read(file)
            // What was right stays so; what was wrong may be mended elsewhere, as in a kubeconfig.
            if let bytes, bytes == text, last.problems.isEmpty { continue }
            text = bytes
            let news = look()
            if news != last { tell(news) }
            last = news
        }
    }

    /// Blocks for a moment.
    func look() -> News {
        do {
            let arguments = [Daemon.name] + (try commandLine.settled())
            guard let daemon = try Portico.parseAsRoot(arguments) as? Daemon else { return .same }
            guard ConfigurationWriter(daemon).effect != atStart else { return .same }
            // Begins as a daemon with these arguments would, as far as that changes nothing.
            if daemon.manifests.files.isEmpty { _ = try NamedCluster.access(daemon.cluster, standard: nil) }
            return .changed
        } catch let mistakes as ConfigurationMistakes {
            return .wrong(mistakes)
        } catch let failure as CommandFailure {
            return .wrong(ConfigurationMistakes(failure.description))
        } catch {
            return .wrong(ConfigurationMistakes(Portico.message(for: error)))
        }
    }
}
