import Glibc

/// The variables of this process.
enum ProcessEnvironment {
    /// By name. Read once: nothing here changes them.
    static let current: [String: String] = {
        var variables: [String: String] = [:]
        var next = environ
        while let line = next.pointee {
            let parts = String(cString: line).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // Where a name is there twice, the first counts, as for getenv.
            if parts.count == 2, variables[String(parts[0])] == nil {
                variables[String(parts[0])] = String(parts[1])
            }
            next += 1
        }
        return variables
    }()
}
