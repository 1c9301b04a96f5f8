/// Services from files: loaded once, then watched.
public actor ManifestSource {
    private let inputs: [ManifestInput]

    /// - Parameters:
    ///   - inputs: The `-f` arguments in their order; a later object replaces an earlier one of the same name.
    ///   - pollInterval: How often the files are looked at for changes.
    public init(_ inputs: [ManifestInput], pollInterval: Duration = .milliseconds(250)) {
        self.inputs = inputs
    }

    /// Reads everything. Never fails as a whole: what cannot be read is among the result's problems.
    public func load() async -> ManifestResult {
        ManifestResult()
    }

    /// A complete result after every change of the files, from the state of the last ``load()`` on. Ends when the task
    /// that iterates it is cancelled.
    public nonisolated func changes() -> AsyncStream<ManifestResult> {
        AsyncStream { $0.finish() }
    }

    /// What `portico check` reports: the problems of a single load.
    public static func problems(in inputs: [ManifestInput]) async -> [ManifestProblem] {
        await ManifestSource(inputs).load().problems
    }
}
