extension String {
    /// On one line, and without what a terminal would take as a command.
    var inPlainWords: String {
        var text = ""
        var rest = unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "\u{1B}", rest.first == "[" {
                // Colours and the like end with their first byte that is neither digit nor punctuation.
                rest = rest.dropFirst().drop { (0x20...0x3F).contains($0.value) }.dropFirst()
            } else if scalar.properties.isWhitespace || scalar.properties.generalCategory == .control {
                if text.last != " " { text += " " }
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text.trimmed
    }
}
