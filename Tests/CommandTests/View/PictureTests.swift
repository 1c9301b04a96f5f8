import Balancing
import Base
import Glibc
import Testing

@testable import portico

/// The pictures of terminals in README and documents, made of frames, so that they show what people see. To make them anew, run this
/// test with `PORTICO_PICTURE=1`.
@Suite("Pictures of terminals") struct PictureTests {
    private static let columns = 84
    private static let wide = 96

    private func row(
        _ service: String, _ state: ServiceRow.State, _ address: String, _ pods: (usable: Int, all: Int), _ open: Int,
        _ accepted: UInt64, _ rate: UInt64, remark: String? = nil
    ) -> ServiceRow {
        let parts = service.split(separator: ":").map(String.init)
        let name = ServicePortName(namespace: "shop", service: parts[0], port: parts.count > 1 ? parts[1] : "")
        return ServiceRow(
            id: ServicePortID(name, .tcp), state: state, addresses: [address], endpoints: pods.all, usable: pods.usable,
            open: open, accepted: accepted, rate: rate, remark: remark)
    }

    /// What `portico dev` shows.
    private var frame: Frame {
        var model = ViewModel(name: "portico dev", remarks: ["Ctrl-C ends.", "Changes of manifests are followed."])
        model.rows = [
            row("cart:http", .ok, "127.64.212.9:8080", (2, 2), 3, 1310, 18_400),
            row(
                "catalogue:http", .partly, "127.101.7.30:8080", (2, 3), 1, 842, 5_200,
                remark: "12:03:11 catalogue-2 10.1.0.14:8080: connection refused"),
            row("db", .ok, "127.88.31.4:5432", (1, 1), 4, 57, 31_000),
            row("frontend:http", .ok, "127.70.150.2:8080 (for 80)", (2, 2), 0, 19, 0),
            row("mail:smtp", .empty, "127.120.4.66:2525", (0, 0), 0, 0, 0),
        ]
        (model.open, model.accepted, model.rate) = (8, 2228, 54_600)
        return Frame(model, columns: Self.columns, height: 18)
    }

    /// What `portico top` shows after two looks at a node, as its daemon told them.
    private func top() throws -> Frame {
        var (model, now) = (TopModel(), ContinuousClock.now)
        for line in try projectFile("Tests/CommandTests/Top/node1.jsonl").split(separator: "\n") {
            model.take(try StatusPicture(json: Array(line.utf8)), at: now)
            now += .seconds(1)
        }
        return Frame(model, columns: Self.wide, height: 18, at: now)
    }

    @Test("Each is what a frame looks like now")
    func areTrue() throws {
        let pictures = [
            ("docs/dev.svg", TerminalPicture("portico dev -f manifests/ -n shop", frame, columns: Self.columns)),
            ("docs/top.svg", TerminalPicture("sudo portico top", try top(), columns: Self.wide)),
        ]
        for (file, picture) in pictures {
            let picture = picture.svg
            if getenv("PORTICO_PICTURE") != nil {
                let stream = try #require(fopen(projectPath(file), "w"))
                fputs(picture, stream)
                fclose(stream)
            }
            #expect(try projectFile(file) == picture, "make it anew with PORTICO_PICTURE=1")
        }
    }
}
