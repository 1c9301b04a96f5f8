import Base
import Cluster
import Manifests
import Objects
import Status

/// Reads where objects come from: says what is wrong with it, and passes on what has changed.
final class SourceReader: Sendable {
    private let source: any ClusterSource
    private let teller: StatusTeller
    private let mayBeEmpty: Bool
    /// What has come since somebody took it, together.
    private let waiting = Guarded<SourceUpdate?>(nil)

    /// - Parameter mayBeEmpty: with nothing to serve at first there may well be something later, whatever is wrong.
    init(_ source: any ClusterSource, _ teller: StatusTeller, mayBeEmpty: Bool = false) {
        self.source = source
        self.mayBeEmpty = mayBeEmpty
        self.teller = teller
    }

    /// - Parameter inputs: manifests, as `-f` names them.
    convenience init(_ inputs: [ManifestInput], _ teller: StatusTeller) {
        self.init(ManifestSource(inputs), teller)
    }

    /// All that there is at first. To be called once.
    ///
    /// - Parameter hasOthers: there is something to serve besides.
    /// - Throws: ``CommandFailure`` if nothing is left to serve for all that is wrong.
    func first(orElse hasOthers: Bool = false) async throws(CommandFailure) -> SourceUpdate {
        var first = await source.next() ?? SourceUpdate()
        tell(first)
        // An API server may not answer for a long time, and people are to know why nothing is served.
        while !first.hasSynced, let more = await source.next() {
            first.merge(more)
            tell(first)
        }
        let hasErrors = first.problems.contains { $0.severity == .error }
        if hasErrors, !first.hasServices, !hasOthers, !mayBeEmpty {
            throw CommandFailure("nothing is left to serve: mend what is said above")
        }
        return first
    }

    /// Waits for changes, until the task is cancelled or there will be no more.
    ///
    /// - Parameter arrived: called when there is something to ``take()``, once for all that comes until it is taken.
    func follow(_ arrived: () -> Void) async {
        while let update = await source.next() {
            let isFirst = waiting.withLock { waiting in
                let isFirst = waiting == nil
                var all = waiting ?? SourceUpdate()
                all.merge(update)
                waiting = all
                return isFirst
            }
            if isFirst { arrived() }
        }
        guard !Task.isCancelled else { return }
        teller.update { status in
            let text = "nothing more will be read, and all stays as it is: start anew"
            status.replace([Problem(.error, .source, text)], of: .source)
        }
    }

    /// What has changed since the last call, of which people are told what they should know; nil for nothing.
    func take() -> SourceUpdate? {
        let update = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        if let update { tell(update) }
        return update
    }

    /// Has everything read again, changed or not; what that changes comes as any other change.
    func reread() async { await source.reread() }

    private func tell(_ update: SourceUpdate) {
        teller.update { status in
            status.replace(update.problems, of: .source)
            status.replace(notes: update.notes.map { Note($0, isDetail: true) }, of: .source)
        }
    }
}

extension SourceUpdate {
    /// Adds what was said after this.
    mutating func merge(_ later: SourceUpdate) {
        var all = later
        all.changes = changes
        all.changes.merge(later.changes)
        self = all
    }

    var hasServices: Bool {
        changes.objects.contains { $0.key.kind == .service && $0.value != nil }
    }
}
