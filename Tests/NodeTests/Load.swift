import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// Clients that ask all the time, and what they have seen.
final class Load: Sendable {
    let answered = Atomic<Int>(0)
    let failed = Locked<[Answer: Int]>([:])
    private let isOver = Atomic<Bool>(false)
    /// Longer than for one question: what is refused or reset is so at once, and a machine that is busy is no failure.
    static let patience = 8000

    /// Asks from `place` until told to stop.
    func run(
        _ lab: Lab, from place: String, _ address: String, _ port: UInt16, over transport: Transport
    ) async throws {
        while !isOver.load(ordering: .relaxed) {
            for (answer, count) in try await lab.ask(
                20, from: place, address, port, over: transport, patience: Self.patience)
            {
                if case .pod = answer {
                    answered.wrappingAdd(count, ordering: .relaxed)
                } else {
                    failed.withLock { $0[answer, default: 0] += count }
                }
            }
        }
    }

    func stop() { isOver.store(true, ordering: .relaxed) }

    /// Returns when so many more have been answered.
    func goesOn(for count: Int) async {
        let before = answered.load(ordering: .relaxed)
        #expect(
            await eventually(within: .seconds(30)) { self.answered.load(ordering: .relaxed) >= before + count },
            "clients are answered no more: \(failed.withLock { $0 })")
    }
}

/// A client that asks ten times a second over one connection, which has to outlive whatever happens.
final class LongConnection: Sendable {
    let answered = Atomic<Int>(0)
    private let failure = Locked<String?>(nil)
    private let isOver = Atomic<Bool>(false)

    /// Asks from `place` until told to stop, or until there is no answer.
    func run(_ lab: Lab, from place: String, _ address: String, _ port: UInt16) async throws {
        try await OwnResources.inNetwork(named: "\(lab.name)-\(place)") { [self] in
            let socket = try Client.connected(to: address, port, Load.patience)
            defer { close(socket) }
            let question = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            var buffer = [UInt8](repeating: 0, count: 4096)
            while !isOver.load(ordering: .relaxed) {
                guard send(socket, question, question.utf8.count, Int32(MSG_NOSIGNAL)) == question.utf8.count,
                    recv(socket, &buffer, buffer.count, 0) > 0
                else {
                    let (code, count) = (errno, answered.load(ordering: .relaxed))
                    return failure.withLock { $0 = "\(String(cString: strerror(code))) after \(count) answers" }
                }
                answered.wrappingAdd(1, ordering: .relaxed)
                usleep(100_000)
            }
        }
    }

    func stop() { isOver.store(true, ordering: .relaxed) }

    /// Returns when it has had a few more answers.
    func goesOn() async {
        let before = answered.load(ordering: .relaxed)
        _ = await eventually(within: .seconds(10)) {
            self.answered.load(ordering: .relaxed) >= before + 3 || self.failure.withLock { $0 } != nil
        }
        #expect(failure.withLock { $0 } == nil)
    }
}
