/// One `-f` argument: a file, a folder or standard input.
public enum ManifestInput: Hashable, Sendable {
    /// A file, or a folder of which the `*.yaml`, `*.yml` and `*.json` files are read in the order of their names, without
    /// descending. Which of the two it is may change while it is watched.
    case path(String)
    /// Read once, to its end; never watched.
    case standardInput

    /// Reads an argument: `-` is standard input.
    public init(argument: String) {
        self = argument == "-" ? .standardInput : .path(argument)
    }

    /// What messages call standard input.
    static let standardInputName = "standard input"
}
