internal import Foundation
internal import Testing

/// The seeds of the fuzz targets, among them every input that was a finding once.
@Suite(.timeLimit(.minutes(1))) struct SeedTests {
    @Test(arguments: FuzzTarget.allCases) func everySeedPasses(_ target: FuzzTarget) throws {
        let base = try #require(Bundle.module.resourcePath)
        let folder = "\(base)/Seeds/\(target.rawValue)"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(!names.isEmpty)
        for name in names {
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
            #expect(throws: Never.self, "Seeds/\(target.rawValue)/\(name)") { try target.run(bytes) }
        }
    }
}
