/// What somebody may have meant who has misspelt a word.
public enum NearMiss {
    /// The nearest of some words to one that is none of them; nil if none is near. A word in other letters' case is
    /// nearest.
    public static func of(_ word: String, among words: some Sequence<String>) -> String? {
        let letters = Array(word.lowercased().utf8)
        var best: (edits: Int, word: String)?
        for candidate in words where candidate != word {
            let others = Array(candidate.lowercased().utf8)
            let longest = max(letters.count, others.count)
            // One letter of four, but two at most; of two letters nothing is left by then.
            let limit = longest < 3 ? 0 : min(2, max(1, longest / 4))
            guard abs(letters.count - others.count) <= limit else { continue }
            let count = edits(letters, others)
            guard count <= limit, count < best?.edits ?? .max else { continue }
            best = (count, candidate)
        }
        return best?.word
    }

    /// How many letters were left out, added, changed, or changed places with the next (optimal string alignment).
    public static func edits(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var rows = [Array(0...b.count)]
        for (i, letter) in a.enumerated() {
            var row = [i + 1]
            for (j, other) in b.enumerated() {
                var least = min(rows[i][j + 1], row[j]) + 1
                least = min(least, rows[i][j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == b[j - 1], a[i - 1] == other { least = min(least, rows[i - 1][j - 1] + 1) }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
