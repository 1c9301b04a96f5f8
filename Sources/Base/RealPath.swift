internal import Glibc

/// A path without links and detours, as realpath(3) has it.
///
/// - Returns: nil if nothing is there, or it may not be looked for.
public func realPath(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
}
