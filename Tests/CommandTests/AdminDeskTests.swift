import Admin
import Base
import Logging
import Status
import TestSupport
import Testing

@testable import portico

@Suite("Asking another process, and being asked", .timeLimit(.minutes(1))) struct AdminDeskTests {
    @Test("Two places that begin to listen at the same time leave no problem behind")
    func places() async throws {
        let teller = StatusTeller(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let places = ["a", "b"].map { AdminDesk.Place(address: .socket(path: $0), option: "--admin-socket") }
        let subject = AdminSubject(command: "test", version: "1", board: teller.board)
        let desk = AdminDesk(subject, at: places, isShared: false, teller)
        let failure = await #expect(throws: AdminServer.Failure.self) {
            try await AdminServer(AdminPages(subject)).run(at: .socket(path: String(repeating: "x", count: 200)))
        }
        desk.tell(failure, places[0])
        #expect(teller.board.read { $0.problemCount } == 1)
        for round in 0..<500 {
            for place in places { desk.tell(failure, place) }
            await withTaskGroup(of: Void.self) { group in
                for place in places { group.addTask { desk.tell(nil, place) } }
            }
            #expect(teller.board.read { $0.problemCount } == 0, "in round \(round)")
        }
    }

    @Test("What somebody has typed for a Service is asked for as it is")
    func question() async throws {
        let server = try ScriptedServer(script: [
            .expect("GET /status?service=a%20b%2Fc%26d HTTP/1.1\r\n"),
            .send("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"), .receiveAll,
        ])
        let client = AdminClient(.port(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: server.port)))
        let failure = await #expect(throws: CommandFailure.self) {
            _ = try await StatusPicture.ask(client, service: "a b/c&d")
        }
        #expect("\(failure, default: "nothing")".contains("answers 404: none"))
    }
}
