/// Options whose value may be left out, which the parser does not know: `-v` alone means `-v1`, and `--demo-pods` all of them.
enum ImpliedValue {
    /// `arguments` with `word` in the place of each option that stands alone. All behind `--` is a program's.
    ///
    /// - Parameters:
    ///   - names: of the option.
    ///   - isValue: whether the argument that follows belongs to it; an empty one stands for the end.
    static func filled(
        _ arguments: [String], _ names: Set<String>, with word: String, isValue: (String) -> Bool
    ) -> [String] {
        var result: [String] = []
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[index...] }
            let next = index + 1 < arguments.count ? arguments[index + 1] : ""
            result.append(names.contains(argument) && !isValue(next) ? word : argument)
        }
        return result
    }
}
