import Base
import Objects

@testable import Documents
@testable import Manifests

/// A file of manifests in either form, down to the typed objects.
func fuzzManifest(_ bytes: [UInt8], file: String) throws(FuzzFailure) {
    let contents = ManifestReader.read(bytes, file: file)
    // To YAML a carriage return is a line break, and so are U+0085, U+2028 and U+2029, of which these are the last bytes.
    let lines = 1 + bytes.count { [0x0A, 0x0D, 0x85, 0xA8, 0xA9].contains($0) }
    for object in contents.objects {
        try check((1...lines).contains(object.line), "line \(object.line) of \(lines) has an object")
        try check(!object.id.key.name.isEmpty, "an object has a name")
    }
    for problem in contents.problems(file: file) {
        try check(!problem.description.contains(where: \.isNewline), "a problem is one line: \(problem)")
        // A parser may notice at the end, behind the last line.
        let line = problem.line ?? 1
        try check((1...lines + 1).contains(line), "line \(line) of \(lines) has a problem")
    }
    let note = contents.skippedNote(file: file) ?? ""
    try check(!note.contains(where: \.isNewline), "a note is one line: \(note)")
}

/// The cutting of a YAML file into documents.
func fuzzDocuments(_ bytes: [UInt8]) throws(FuzzFailure) {
    let chunks = DocumentSplitter.split(bytes[...])
    var end = 0
    for chunk in chunks {
        try check(!chunk.range.isEmpty, "a document has content")
        try check(chunk.range.lowerBound >= end && chunk.range.upperBound <= bytes.count, "documents are in order")
        let line = 1 + bytes[..<chunk.range.lowerBound].count { $0 == 0x0A }
        try check(chunk.firstLine == line, "line \(line) is where a document begins, not \(chunk.firstLine)")
        try checkNothingIsLost(bytes[end..<chunk.range.lowerBound])
        end = chunk.range.upperBound
        // Alone it is what it is in its file.
        let again = DocumentSplitter.split(bytes[chunk.range])
        try check(
            again == [DocumentChunk(range: 0..<chunk.range.count, firstLine: 1)], "a document is one document: \(again)"
        )
    }
    try checkNothingIsLost(bytes[end...])
}

/// Between documents stand markers, directives, comments and nothing else.
private func checkNothingIsLost(_ gap: ArraySlice<UInt8>) throws(FuzzFailure) {
    for line in gap.split(separator: 0x0A) {
        let isMarker = line.starts(with: "---".utf8) || line.starts(with: "...".utf8)
        let text = (isMarker ? line.dropFirst(3) : line).drop { [0x20, 0x09, 0x0D].contains($0) }
        let isNothing = text.isEmpty || text.first == UInt8(ascii: "#") || line.first == UInt8(ascii: "%")
        try check(isNothing, "no content is lost: \(String(decoding: line, as: UTF8.self))")
    }
}
