import ArgumentParser
import Base
import Glibc

/// `portico status`.
struct ShowStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Look once how things stand with a daemon of this machine.",
        discussion: """
            What is served and where, how many endpoints can be used, what is wrong, and how much there has been to do. \
            Asked through the daemon's Unix socket, which takes the user that it runs as, mostly root.

            EXAMPLES
              All of it:
                sudo portico status

              One Service, with its endpoints:
                sudo portico status shop/web

              Of a development proxy (portico dev --admin 127.0.0.1:8090):
                portico status --address 127.0.0.1:8090

              Services without an endpoint that can be used, by a program:
                sudo portico status --output json | jq -r '.services[].ports[]
                  | select(all(.endpoints[]; .state != "ready")) | .service'

            EXIT STATUS
              0: it serves, and nothing is wrong. 1: it does not answer, does not serve,
              or something is wrong.
            """
    )

    @Argument(help: ArgumentHelp("Only this Service, with its endpoints.", valueName: "NAMESPACE/NAME"))
    var service: String?

    @OptionGroup(title: "Which process") var place: AdminPlaceOptions
    @OptionGroup(title: "What is printed") var printing: OutputOptions
    @OptionGroup(title: "What is printed") var logging: LoggingOptions

    func validate() throws {
        guard let service else { return }
        guard service.split(separator: "/", omittingEmptySubsequences: false).count == 2 else {
            throw ValidationError("'\(service)' is not NAMESPACE/NAME, as default/my-service")
        }
    }

    func run() async throws {
        logging.bootstrap()
        let (picture, json) = try await StatusPicture.ask(place.client(), service: service)
        if let service, picture.services.isEmpty { throw CommandFailure("no Service \(service) is served there") }
        switch printing.output {
        case .json: StandardStream.output.write(String(decoding: json, as: UTF8.self))
        case .text:
            let text = StatusText(picture: picture, isDetailed: service != nil)
            StandardStream.output.write(text.rendered(inColour: StandardStream.output.takesColour))
        }
        if !picture.isWell { throw ExitCode(EXIT_FAILURE) }
    }
}
