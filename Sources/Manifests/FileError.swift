internal import Base
private import Glibc

/// A call of the file system that failed, by its error number.
struct FileError: Error, Hashable, CustomStringConvertible {
    let number: Int32

    /// A pipe, socket or device where a file was expected.
    static let notAFile = FileError(number: -1)
    /// What a pipe or device gives has no end in sight.
    static let endless = FileError(number: -2)
    /// More than any cluster has.
    static let tooLarge = FileError(number: -3)

    var isMissing: Bool { number == ENOENT || number == ENOTDIR }

    /// `No such file or directory` and the like.
    var description: String {
        switch self {
        case .notAFile: "it is a pipe, socket or device, and not a file"
        case .endless: "it gives more than \(FileSystem.mostOfAStream >> 20) MiB"
        case .tooLarge: "it is larger than \((FileSystem.mostOfAFile + 1) >> 30) GiB"
        default: SystemError.reason(number)
        }
    }
}
