/// `/etc/nsswitch.conf`, which says whom programs of glibc ask for a host's name, in which order: the file
/// `/etc/hosts`, DNS, and resolvers that run beside them and know nothing of what a single program sees.
public enum NameServiceSwitch {
    /// The text with the file as the first that is asked; nil if it is that already. Whoever is asked after it stays.
    public static func askingFilesFirst(_ text: String) -> String? {
        var (isSet, isChanged) = (false, false)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            let setting = line.prefix { $0 != "#" }.drop { $0 == " " || $0 == "\t" }
            guard setting.hasPrefix("hosts:") else { return String(line) }
            isSet = true
            let words = words(of: setting.dropFirst("hosts:".count))
            guard words.first != "files" else { return String(line) }
            isChanged = true
            return "hosts: files " + withoutFiles(words).joined(separator: " ")
        }
        guard isSet else { return text + (text.isEmpty || text.hasSuffix("\n") ? "" : "\n") + "hosts: files dns\n" }
        return isChanged ? lines.joined(separator: "\n") : nil
    }

    /// Services, and what is to be done after each: `[!UNAVAIL=return]` is one word, also with blanks in it.
    private static func words(of text: Substring) -> [Substring] {
        var words: [Substring] = []
        var rest = text.drop(while: \.isWhitespace)
        while let first = rest.first {
            let end =
                first == "["
                ? rest.firstIndex(of: "]").map(rest.index(after:)) : rest.firstIndex { $0.isWhitespace || $0 == "[" }
            words.append(rest[..<(end ?? rest.endIndex)])
            rest = rest[(end ?? rest.endIndex)...].drop(while: \.isWhitespace)
        }
        return words
    }

    /// What was to be done after the file goes with it: in front it could keep the others from being asked.
    private static func withoutFiles(_ words: [Substring]) -> [Substring] {
        var (kept, isAfterFiles) = ([Substring](), false)
        for word in words {
            let isAction = word.hasPrefix("[")
            if !isAction { isAfterFiles = word == "files" }
            if !isAfterFiles { kept.append(word) }
        }
        return kept
    }
}
