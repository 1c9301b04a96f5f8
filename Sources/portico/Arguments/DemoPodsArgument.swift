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

    /// With `all` in the place of the option alone.
    static func normalized(_ arguments: [String]) -> [String] {
        ImpliedValue.filled(arguments, [name], with: "\(name)=\(all.rawValue)") { Self(argument: $0) != nil }
    }
}
