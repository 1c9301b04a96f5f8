@testable import portico

/// A command on a terminal, and the frame that it shows, as a picture that is light or dark as the reader's system.
struct TerminalPicture {
    let command: String
    let frame: Frame
    let columns: Int

    init(_ command: String, _ frame: Frame, columns: Int) {
        (self.command, self.frame, self.columns) = (command, frame, columns)
    }

    var svg: String {
        let lines = [[StyledText("$ \(command)", .bold)], []] + frame.lines
        let (width, height) = (Int(Double(columns) * 8.43 + 24), lines.count * 19 + 24)
        let name = command.split(separator: " ").drop { $0 == "sudo" }.prefix(2).joined(separator: " ")
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)">
            <title>\(name) on a terminal</title>
            <style>
            rect { fill: #ffffff; stroke: #d0d7de }
            text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre }
            .bold { font-weight: bold } .dim { fill: #656d76 } .red { fill: #cf222e } .green { fill: #1a7f37 } .yellow { fill: #9a6700 } .cyan { fill: #1b7c83 }
            @media (prefers-color-scheme: dark) {
            rect { fill: #0d1117; stroke: #30363d } text { fill: #e6edf3 }
            .dim { fill: #848d97 } .red { fill: #f85149 } .green { fill: #3fb950 } .yellow { fill: #d29922 } .cyan { fill: #39c5cf }
            }
            </style>
            <rect x="0.5" y="0.5" width="\(width - 1)" height="\(height - 1)" rx="6"/>

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
}
