import Admin
import Base
import EventLoop
import Glibc
import Host
import Logging
import Relay
import Status

/// Serves metrics, status and the dashboard of a session, at a TCP address, at a Unix socket, or at both.
final class AdminDesk: Sendable {
    /// Where something is to be served.
    struct Place: Hashable, Sendable {
        var address: AdminServer.Address
        /// It is nobody's wish, but how things are unless somebody says otherwise: that it cannot be had is worth no more
        /// than a note.
        var isOptional = false
        /// What chooses another.
        var option: String
    }

    let subject: AdminSubject
    private let places: [Place]
    /// Another process of a hot restart may listen at the same port for a moment.
    private let isShared: Bool
    private let teller: StatusTeller
    /// Is told of each place where it listens.
    private let started: @Sendable (AdminServer.Address) -> Void
    private let tasks = Guarded<[Task<Void, Never>]>([])
    private let problems = Guarded<[Place: Problem]>([:])
    private let isReplaced = Guarded(false)

    init(
        _ subject: AdminSubject, at places: [Place], isShared: Bool, _ teller: StatusTeller,
        started: @escaping @Sendable (AdminServer.Address) -> Void = { _ in }
    ) {
        self.subject = subject
        self.places = places
        self.isShared = isShared
        self.teller = teller
        self.started = started
    }

    /// - Throws: ``CommandFailure`` if it cannot listen somewhere (`--bind-address-hard-fail`).
    func check() throws(CommandFailure) {
        for place in places {
            guard case .port(let address) = place.address else { continue }
            do throws(SystemError) {
                _ = try TCPSocket.listen(on: SocketAddress(address))
            } catch {
                throw CommandFailure(
                    "cannot serve metrics at \(address): \(error.reason.lowercased()) (--bind-address-hard-fail)")
            }
        }
    }

    /// Begins to serve, and goes on until ``close()``. What cannot be listened at is tried again.
    func begin() {
        let board = subject.board
        let changes = board.reader()
        tasks.withLock { tasks in
            guard tasks.isEmpty else { return }
            tasks = places.map { place in Task { await self.serve(place) } }
            tasks.append(
                Task { [events = subject.events] in
                    for await case .event(let change) in changes { events.take(change) }
                })
        }
    }

    /// Ends all of it at once.
    ///
    /// - Parameter isReplaced: another process has the same places by now.
    func close(isReplaced: Bool = false) {
        if isReplaced { self.isReplaced.withLock { $0 = true } }
        for task in tasks.withLock({ $0 }) { task.cancel() }
    }

    private func serve(_ place: Place) async {
        let server = AdminServer(AdminPages(subject))
        var attempts = 0
        while !Task.isCancelled {
            do throws(AdminServer.Failure) {
                if case .socket(let path) = place.address { Self.makeFolder(of: path) }
                let keepsPath: @Sendable () -> Bool = { [isReplaced] in isReplaced.withLock { $0 } }
                try await server.run(at: place.address, shared: isShared, keepsPath: keepsPath) { [self] address in
                    tell(nil, place)
                    started(address)
                }
            } catch {
                tell(error, place)
            }
            attempts += 1
            // A process that ends, as in a restart, is gone within moments.
            try? await Task.sleep(for: attempts < 20 ? .milliseconds(250) : .seconds(5))
        }
    }

    /// - Parameter failure: nil if it listens there.
    func tell(_ failure: AdminServer.Failure?, _ place: Place) {
        let reason = failure.map { Self.reason($0, at: place.address) }
        problems.withLock { problems in
            problems[place] = reason.map {
                Problem(
                    place.isOptional ? .warning : .error, .admin,
                    "cannot serve metrics and status at \(place.address): \($0); \(place.option) chooses another place")
            }
            let all = places.compactMap { problems[$0] }
            // Under the lock: of two places that tell at once the later word has to be the last.
            teller.update { $0.replace(all, of: .admin) }
        }
    }

    private static func reason(_ failure: AdminServer.Failure, at address: AdminServer.Address) -> String {
        guard case .port(let address) = address, failure.isInUse else { return failure.description }
        return "the address is in use" + (PortOwner.find(address).map { ", held by \($0)" } ?? "")
    }

    /// Such as the one that `/run` has for this program. Where it cannot be made, listening fails and says so.
    private static func makeFolder(of path: String) {
        guard let end = path.lastIndex(of: "/"), end > path.startIndex else { return }
        mkdir(String(path[..<end]), 0o755)
    }
}
