import ArgumentParser
import Measure

/// What every run of scenarios takes.
struct ScenarioOptions: ParsableArguments {
    @Option(help: "A scenario, or the beginning of its name; repeatable. See --list.")
    var scenario: [String] = []

    @Option(help: "The Portico binary. Default: the release build beside this package.")
    var portico: String?

    @Option(help: "Repeat a measurement if others used more than this share of the machine, in percent.")
    var maxOthers = 5.0

    @Option(help: ArgumentHelp("Also write the report as JSON to a file.", valueName: "file"))
    var json: String?

    @Flag(help: "List the scenarios and end.")
    var list = false

    func check(_ catalogue: [Scenario]) throws {
        for wanted in scenario where !catalogue.contains(where: { $0.name.hasPrefix(wanted) }) {
            throw ValidationError("No scenario is called '\(wanted)'; see --list.")
        }
    }

    func chosen(of catalogue: [Scenario]) -> [Scenario] {
        catalogue.filter { candidate in scenario.isEmpty || scenario.contains { candidate.name.hasPrefix($0) } }
    }

    func printList(_ catalogue: [Scenario]) {
        var table = TextTable(header: ["name", "what"], left: [0, 1])
        for scenario in catalogue { table.add([scenario.name, scenario.title]) }
        print(table.text)
    }

    /// Where Portico's program is looked for.
    func binary() throws -> String { try portico ?? Templates().folder + "/../../.build/release/portico" }
}
