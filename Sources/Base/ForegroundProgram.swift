internal import CLinux
internal import Glibc

/// A program that a user asked for, with this process's streams, folder and place in front of the terminal: started,
/// and to be waited for by whoever started it.
///
/// It can be given other files than the system's in some places, which it and what it starts see, and nobody else:
/// mounts in a namespace of their own. Whoever is not root gets a user namespace with it, in which user and group are
/// what they were, but in which nobody can become another user: `sudo` ends with a message of its own.
public struct ForegroundProgram: Sendable {
    /// A file that is seen in the place of another. Both exist, and their paths are absolute.
    public struct Cover: Hashable, Sendable {
        public var file: String
        public var place: String

        public init(file: String, place: String) {
            self.file = file
            self.place = place
        }
    }

    /// Why it does not run.
    public enum Failure: Error, Hashable, Sendable {
        /// Neither it nor any other could be started.
        case notStarted(Int32)
        /// It cannot be given other files; without them it could be started.
        case notCovered(SystemError)
        /// It cannot be in the folder that it is to be in.
        case notEntered(SystemError)
        /// This program cannot be run; an errno.
        case notRun(Int32)
    }

    /// Its number, until it has been waited for.
    public let pid: Int32
    /// Nil if it has none.
    public let covers: Covers?

    /// Starts the program that `arguments` name first, looked for on PATH. Waits until it runs; blocks for a moment.
    ///
    /// - Parameters:
    ///   - environment: all of it, as `NAME=value` with a zero at the end; it need not be UTF-8.
    ///   - folder: where it is to be; nil for where this process is.
    ///   - covers: none leaves the program in the namespaces of this process.
    public init(
        _ arguments: [String], environment: [ContiguousArray<CChar>], folder: String? = nil, covers: [Cover] = []
    ) throws(Failure) {
        let words = Self.pointers(arguments.map(\.utf8CString))
        let variables = Self.pointers(environment)
        let paths = Self.pointers(covers.flatMap { [$0.file.utf8CString, $0.place.utf8CString] })
        let place = folder.flatMap { strdup($0) }
        defer { for copy in words + variables + paths + [place] { free(copy) } }
        let files = covers.indices.map { portico_cover(file: paths[2 * $0], place: paths[2 * $0 + 1]) }
        var (namespaces, step): ((Int32, Int32), Int32) = ((-1, -1), 0)
        let started = words.withUnsafeBufferPointer { words in
            variables.withUnsafeBufferPointer { variables in
                files.withUnsafeBufferPointer { files in
                    var request = portico_start_request(
                        arguments: words.baseAddress, environment: variables.baseAddress, folder: place,
                        default_signals: Self.defaultSignals, covers: files.baseAddress,
                        cover_count: Int32(files.count))
                    return withUnsafeMutablePointer(to: &namespaces) { pair in
                        pair.withMemoryRebound(to: Int32.self, capacity: 2) { portico_start(&request, $0, &step) }
                    }
                }
            }
        }
        guard started < 0 else {
            pid = started
            self.covers = covers.isEmpty ? nil : Covers(user: namespaces.0, mounts: namespaces.1)
            return
        }
        switch Int(step) {
        case PORTICO_SEPARATING:
            throw .notCovered(SystemError("make a namespace for the program", code: -started))
        case PORTICO_COVERING:
            let places = covers.map(\.place).joined(separator: ", ")
            throw .notCovered(SystemError("mount files for the program at", places, code: -started))
        case PORTICO_ENTERING: throw .notEntered(SystemError("enter", folder ?? "", code: -started))
        case PORTICO_EXECUTING: throw .notRun(-started)
        default: throw .notStarted(-started)
        }
    }

    /// Those that it would inherit as ignored, and that are ignored for this process's sake: a bit each.
    private static var defaultSignals: UInt64 {
        IgnoredSignals.ignored.withLock { $0 }.union([SIGPIPE]).reduce(0) { $0 | 1 << UInt64($1 - 1) }
    }

    /// Copies with a null pointer behind them; the caller frees them.
    private static func pointers(_ strings: [ContiguousArray<CChar>]) -> [UnsafeMutablePointer<CChar>?] {
        strings.map { string in string.withUnsafeBufferPointer { $0.baseAddress.flatMap { strdup($0) } } } + [nil]
    }
}

extension ForegroundProgram {
    /// The files that a program, and what it has started, sees in the place of others. They last until the last of
    /// those has ended and this is gone.
    public final class Covers: Sendable {
        private let user: Int32
        private let mounts: Int32
        /// Does as on Linux before 6.5, where none can be put beneath another: for tests.
        package let takesAwayFirst = Guarded(false)

        fileprivate init(user: Int32, mounts: Int32) {
            self.user = user
            self.mounts = mounts
        }

        deinit {
            if user >= 0 { close(user) }
            close(mounts)
        }

        /// Has another file be seen at a place that is covered. Whoever opens it sees either the one or the other, or,
        /// on Linux before 6.5, for a moment the system's own; whoever has the former one open goes on reading that.
        /// Any thread; blocks for a moment.
        public func replace(_ cover: Cover) throws(SystemError) {
            let beneath: Int32 = takesAwayFirst.withLock { $0 } ? 0 : 1
            let code = cover.file.withCString { file in
                cover.place.withCString { place in
                    var next = portico_cover(file: file, place: place)
                    var namespaces = (user, mounts)
                    return withUnsafePointer(to: &namespaces) { pair in
                        pair.withMemoryRebound(to: Int32.self, capacity: 2) { portico_cover_anew($0, &next, beneath) }
                    }
                }
            }
            try SystemError.check(code, "mount \(cover.file) for the program at", cover.place)
        }
    }
}
