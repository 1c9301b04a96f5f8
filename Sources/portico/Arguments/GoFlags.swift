/// Arguments as Go programs take them, made into what ArgumentParser takes: `--flag=true` and `--flag=false` for flags
/// without a value, and `_` for `-` in names. Unit files and DaemonSets written for kube-proxy are full of them.
enum GoFlags {
    /// Names of kube-proxy for what has another here.
    private static let names = ["logging-format": "log-format"]

    private static let yes: Set = ["1", "t", "T", "true", "TRUE", "True"]
    private static let no: Set = ["0", "f", "F", "false", "FALSE", "False"]

    /// What a word means where Go expects a truth value; nil if it is none.
    static func truth(_ text: String) -> Bool? { yes.contains(text) ? true : no.contains(text) ? false : nil }

    /// `arguments` with each `--name=true` among `flags` as `--name`, and without each `--name=false`; what comes later
    /// wins, as in Go. Anything else is left for the parser to judge, and so is all behind `--`.
    static func normalized(_ arguments: [String], flags: Set<String>) -> [String] {
        var result: [String] = []
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[index...] }
            let argument = named(argument)
            // An empty value, which the parser takes only as a word of its own.
            if argument.hasPrefix("--"), argument.last == "=", argument.count(where: { $0 == "=" }) == 1 {
                result += [String(argument.dropLast()), ""]
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1)
            guard argument.hasPrefix("--"), parts.count == 2, flags.contains(String(parts[0].dropFirst(2))) else {
                result.append(argument)
                continue
            }
            let name = String(parts[0])
            let value = String(parts[1])
            guard yes.contains(value) || no.contains(value) else {
                result.append(argument)
                continue
            }
            result.removeAll { $0 == name }
            if yes.contains(value) { result.append(name) }
        }
        return result
    }

    /// A flag with the name that it has here.
    private static func named(_ argument: String) -> String {
        guard argument.hasPrefix("--") else { return argument }
        let end = argument.firstIndex(of: "=") ?? argument.endIndex
        let name = String(argument[..<end].dropFirst(2).map { $0 == "_" ? "-" : $0 })
        return "--" + (names[name] ?? name) + argument[end...]
    }
}
