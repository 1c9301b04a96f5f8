import Base

/// How a piece of text stands out on a terminal.
enum Colour: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
}

/// A piece of text with or without colour. Its width is that of the text alone, so that tables can align it.
struct StyledText: Sendable, Equatable, ExpressibleByStringInterpolation {
    let text: String
    let colour: Colour?

    /// - Parameter text: names of others among it; they break no line and move no cursor.
    init(_ text: String, _ colour: Colour? = nil) {
        self.text = text.onOneLine
        self.colour = colour
    }

    init(stringLiteral value: String) { self.init(value) }

    var width: Int { text.columns }

    func rendered(inColour: Bool) -> String {
        guard inColour, let colour, !text.isEmpty else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }
}
