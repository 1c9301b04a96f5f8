import ArgumentParser

/// Looks once a second whether the configuration file says something else than at the start. Its text counts, not its time or its
/// place: a ConfigMap changes by links that are moved.
struct ConfigurationWatch: Sendable {
    enum News: Sendable, Equatable {
        /// It asks for something else, and can be started anew with.
        case changed
        /// It is wrong; a daemon that was started anew would not come back.
        case wrong(ConfigurationMistakes)
        /// It says again, perhaps in other words, what it said at the start.
        case same
    }

    private let commandLine: DaemonCommandLine
    private let atStart: [String]?

    /// - Parameter arguments: of the subcommand, as a user gave them.
    /// - Returns: nil if they name no file.
    init?(_ arguments: [String]) {
        commandLine = DaemonCommandLine(arguments)
        guard commandLine.file != nil else { return nil }
        atStart = try? commandLine.settled()
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
            guard arguments != atStart else { return .same }
            do {
                _ = try Portico.parseAsRoot([Daemon.name] + arguments)
            } catch {
                throw ConfigurationMistakes(Portico.message(for: error))
            }
            return .changed
        } catch {
            return .wrong(error)
        }
    }
}
