import Balancing
import Base
import Glibc
import Testing

@testable import portico

/// `docs/dev.svg`, the picture of the live view in the README: made of a frame, so that it shows what people see. To make it anew,
/// run this test with `PORTICO_PICTURE=1`.
@Suite("The picture in the README") struct PictureTests {
    private static let columns = 84

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

    private var picture: String {
        let lines = [[StyledText("$ portico dev -f manifests/ -n shop", .bold)], []] + frame.lines
        let (width, height) = (Double(Self.columns) * 8.43 + 24, lines.count * 19 + 24)
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(height)" width="\(Int(width))" height="\(height)">
            <title>portico dev on a terminal</title>
            <style>
            rect { fill: #ffffff; stroke: #d0d7de }
            text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre }
            .bold { font-weight: bold } .dim { fill: #656d76 } .red { fill: #cf222e } .green { fill: #1a7f37 } .yellow { fill: #9a6700 }
            @media (prefers-color-scheme: dark) {
            rect { fill: #0d1117; stroke: #30363d } text { fill: #e6edf3 }
            .dim { fill: #848d97 } .red { fill: #f85149 } .green { fill: #3fb950 } .yellow { fill: #d29922 }
            }
            </style>
            <rect x="0.5" y="0.5" width="\(Int(width) - 1)" height="\(height - 1)" rx="6"/>

            """
        for (index, line) in lines.enumerated() where !line.isEmpty {
            let pieces = line.map { piece in
                piece.colour.map { "<tspan class=\"\($0)\">\(escaped(piece.text))</tspan>" } ?? escaped(piece.text)
            }
            text += "<text x=\"12\" y=\"\(index * 19 + 28)\" xml:space=\"preserve\">\(pieces.joined())</text>\n"
        }
        return text + "</svg>\n"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    @Test("It is what a frame looks like now")
    func isTrue() throws {
        if getenv("PORTICO_PICTURE") != nil {
            let file = try #require(fopen(projectPath("docs/dev.svg"), "w"))
            fputs(picture, file)
            fclose(file)
        }
        #expect(try projectFile("docs/dev.svg") == picture, "make it anew with PORTICO_PICTURE=1")
    }
}
