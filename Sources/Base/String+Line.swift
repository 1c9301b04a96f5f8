extension String {
    /// The same on one line, without control characters, without colours and without what turns a line around or cannot
    /// be seen. What comes from files and programs of others must look like no further line, like nothing that it is
    /// not, and move no terminal's cursor.
    public var onOneLine: String {
        func isControl(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            // Two of them some scripts, and pictures, cannot do without.
            case .format: scalar != "\u{200C}" && scalar != "\u{200D}"
            default: false
            }
        }
        guard unicodeScalars.contains(where: isControl) else { return self }
        var text = ""
        var rest = unicodeScalars[...]
        // The blanks that a line begins with go with its end.
        var isAtBreak = false
        while let scalar = rest.popFirst() {
            if scalar == "\u{1B}", rest.first == "[" {
                // Colours and the like end with their first byte that is neither digit nor punctuation.
                rest = rest.dropFirst().drop { (0x20...0x3F).contains($0.value) }.dropFirst()
            } else if isControl(scalar) {
                isAtBreak = true
            } else if !isAtBreak || scalar != " " {
                if isAtBreak, !text.isEmpty, text.last != " " { text += " " }
                isAtBreak = false
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// As a string of JSON, with its quotation marks; on one line in every reader.
    public var quotedAsJSON: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // JSON allows the last three.
            case _ where scalar.value < 0x20 || scalar == "\u{7F}" || scalar == "\u{2028}" || scalar == "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
