import ArgumentParser
import Base

/// `portico version`.
struct ShowVersion: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Say which version this is.",
        usage: "portico version [<options>]",
        discussion: """
            EXAMPLES
              portico version
              portico version --output json
            """
    )

    @Option(help: "Print for people or for programs.")
    var output: OutputFormat = .text

    @OptionGroup var logging: LoggingOptions

    func run() {
        switch output {
        case .text:
            StandardStream.output.write(Version.description + "\n")
        case .json:
            let line = JSONLine([
                "version": .string(Version.number),
                "platform": .string(Version.platform),
                "build": .string(Version.build),
            ])
            StandardStream.output.write(line)
        }
    }
}
