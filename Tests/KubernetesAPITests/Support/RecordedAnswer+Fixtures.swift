import APITestSupport
import Foundation
import Testing

extension RecordedAnswer {
    /// All in a folder of `Fixtures`.
    static func all(in folder: String) throws -> [RecordedAnswer] {
        let base = try #require(Bundle.module.resourcePath) + "/Fixtures/" + folder
        let names = try FileManager.default.contentsOfDirectory(atPath: base).sorted()
        return try names.filter { $0.hasSuffix(".http") || $0.hasSuffix(".txt") }.map { try named("\(folder)/\($0)") }
    }

    /// - Parameter name: below `Fixtures`, such as `v1.36.0-openshift/services-list.http`.
    static func named(_ name: String) throws -> RecordedAnswer {
        let bytes = try contents(of: try #require(Bundle.module.resourcePath) + "/Fixtures/" + name)
        var answer =
            name.hasSuffix(".txt")
            ? try RecordedAnswer(exchange: bytes)
            : try RecordedAnswer(bytes, hasFraming: name.contains("raw-chunked"))
        answer.name = name
        return answer
    }
}
