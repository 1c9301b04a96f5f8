import Base
import Cluster
import Logging
import Objects
import Status
import TestSupport
import Testing

@testable import portico

@Suite(.timeLimit(.minutes(1))) struct SourceReaderTests {
    /// Says what a test gives it, one by one.
    private actor ScriptedSource: ClusterSource {
        private var updates: [SourceUpdate]
        /// Called when it is asked.
        private let asked: @Sendable () -> Void

        init(_ updates: [SourceUpdate], _ asked: @escaping @Sendable () -> Void = {}) {
            self.updates = updates
            self.asked = asked
        }

        func next() async -> SourceUpdate? {
            asked()
            return updates.isEmpty ? nil : updates.removeFirst()
        }

        func reread() {}
    }

    private let board = StatusBoard()

    private func reader(_ updates: SourceUpdate...) -> SourceReader {
        SourceReader(ScriptedSource(updates), StatusTeller(board, logger: Logger(label: "test")))
    }

    private func update(
        _ names: String..., problems: [Problem] = [], edit: (inout SourceUpdate) -> Void = { _ in }
    ) -> SourceUpdate {
        var update = SourceUpdate()
        for name in names {
            update.changes.update(.service(Service(metadata: ObjectMeta(name: name), spec: ServiceSpec(ports: []))))
        }
        update.problems = problems
        edit(&update)
        return update
    }

    private let broken = Problem(.error, .source, subject: "web.yaml", "cannot be read")

    @Test func theFirstIsAllThatThereIs() async throws {
        let reader = reader(update("a") { $0.hasSynced = false }, update("b") { $0.unknownKinds = [.node] })
        let first = try await reader.first()
        #expect(Set(first.changes.objects.keys.map(\.key.name)) == ["a", "b"] && first.isPartial)
    }

    @Test("A cluster without a Service, of which something cannot be read, may get one; manifests are as they are")
    func empty() async throws {
        await #expect(throws: CommandFailure.self) { try await reader(update(problems: [broken])).first() }
        let source = ScriptedSource([update(problems: [broken])])
        let teller = StatusTeller(board, logger: Logger(label: "test"))
        let first = try await SourceReader(source, teller, mayBeEmpty: true).first()
        #expect(first.problems == [broken])
    }

    @Test("What keeps the first from coming is told while it is waited for")
    func toldWhileWaiting() async throws {
        let (board, seen) = (board, Locked<[[Problem]]>([]))
        let source = ScriptedSource([update(problems: [broken]) { $0.hasSynced = false }, update("a")]) {
            let problems = board.read { $0.problems }
            seen.withLock { $0.append(problems) }
        }
        _ = try await SourceReader(source, StatusTeller(board, logger: Logger(label: "test"))).first()
        #expect(seen.withLock { $0 } == [[], [broken]])
        #expect(board.read { $0.problems } == [])
    }

    @Test func nothingLeftToServeIsAFailureUnlessThereAreOthers() async throws {
        await #expect(throws: CommandFailure.self) { try await reader(update(problems: [broken])).first() }
        #expect(board.read { $0.problems } == [broken])
        _ = try await reader(update(problems: [broken])).first(orElse: true)
        _ = try await reader(update("a", problems: [broken])).first()
        _ = try await reader(update()).first()
    }

    @Test func whatComesBeforeItIsTakenComesTogether() async {
        let reader = reader(
            update("a", problems: [broken]), update("b") { $0.notes = ["skipped"] },
            update { $0.changes.remove(ObjectID(.service, ObjectKey(namespace: "default", name: "a"))) })
        var arrivals = 0
        await reader.follow { arrivals += 1 }
        #expect(arrivals == 1)
        let all = reader.take()
        #expect(all?.changes.objects.count == 2)
        #expect(all?.hasServices == true && all?.problems.isEmpty == true, "what was wrong is over")
        #expect(reader.take() == nil)
    }
}
