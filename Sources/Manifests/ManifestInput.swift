/// One `-f` argument: a file, a folder or standard input.
public enum ManifestInput: Hashable, Sendable {
    /// A file, or a folder of which the `*.yaml`, `*.yml` and `*.json` files are read in the order of their names,
    /// without descending, but for a `portico.yaml`, which is a project file. Which of the two it is may change while it
    /// is watched.
    case path(String)
    /// The same with all folders below it: `-R`. Hidden ones are left out, and `node_modules`, and links to folders.
    case tree(String)
    /// Read once, to its end; never watched.
    case standardInput

    /// Reads an argument: `-` is standard input.
    ///
    /// - Parameter isRecursive: with `-R`.
    public init(argument: String, isRecursive: Bool = false) {
        self = argument == "-" ? .standardInput : isRecursive ? .tree(argument) : .path(argument)
    }

    /// What messages call standard input.
    static let standardInputName = "standard input"
}
