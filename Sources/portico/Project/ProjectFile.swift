import ArgumentParser
import Base
import Documents
import Glibc
import Objects

/// A `portico.yaml`: what people type again and again, each thing as arguments of `portico dev`. So each has one
/// parser, one check and one default, wherever it is said.
struct ProjectFile {
    struct Value {
        let setting: ProjectSetting
        /// As the parser takes them; a program with its arguments for what stands behind `--`.
        let arguments: [String]
        /// File and line.
        let place: String
    }

    static let name = "portico.yaml"

    let path: String
    private(set) var values: [Value] = []

    /// Reads and checks a file. Blocks for a moment.
    ///
    /// - Throws: all that is wrong with it, or why it is not to be trusted.
    init(file path: String) throws(ConfigurationMistakes) {
        let bytes = try TrustedFile.read(path)
        try self.init(bytes, path: path)
    }

    /// - Parameter path: for messages, and for what paths in it begin with.
    init(_ bytes: [UInt8], path: String) throws(ConfigurationMistakes) {
        self.path = path
        var reader: ProjectReader
        do throws(SyntaxError) {
            reader = ProjectReader(tree: try DocumentTree.read(bytes), path: path)
        } catch {
            throw ConfigurationMistakes("\(path):\(error.line): \(error.message)")
        }
        reader.read()
        values = reader.values
        // Together, and one by one only to find out which are wrong. What does not go together is for the whole command
        // line to say, which may have more.
        guard !reader.mistakes.isEmpty || complaint(about: values) != nil else { return }
        let mistakes = reader.mistakes + values.compactMap(mistake)
        if !mistakes.isEmpty { throw ConfigurationMistakes(mistakes) }
    }

    /// What the parser of the flag says against a value.
    private func mistake(in value: Value) -> String? {
        guard let complaint = complaint(about: [value]), ConfigurationMistakes.isAboutValue(complaint) else {
            return nil
        }
        return "\(value.place): \(value.setting.field): \(ConfigurationMistakes.reason(of: complaint))"
    }

    private func complaint(about values: [Value]) -> String? {
        do {
            // With something that makes the rest of the command line right.
            let arguments = ["--service=portico:1=127.0.0.1:1"] + ProjectCommandLine.arguments(of: values)
            _ = try Portico.parseAsRoot([Dev.name] + ProjectCommandLine.normalized(arguments))
            return nil
        } catch {
            return Portico.message(for: error)
        }
    }
}
