import ArgumentParser

/// The value of `--demo-pods`: which pods Portico plays itself.
enum DemoPodsArgument: String, CaseIterable, ExpressibleByArgument {
    /// Every one, also in the place of endpoints that somebody runs.
    case all
    /// Those of Services that nobody else serves.
    case missing
    /// None, whatever a project file says.
    case nobody = "none"

    private static let name = "--demo-pods"

    init?(argument: String) { self.init(rawValue: argument == "false" ? "none" : argument) }

    /// Has the option without a value mean `all`, since the parser knows no option whose value may be left out.
    static func normalized(_ arguments: [String]) -> [String] {
        var result: [String] = []
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[index...] }
            let next = index + 1 < arguments.count ? arguments[index + 1] : ""
            let isAlone = argument == name && Self(argument: next) == nil
            result.append(isAlone ? "\(name)=\(Self.all.rawValue)" : argument)
        }
        return result
    }
}
