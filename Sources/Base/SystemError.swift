internal import Glibc

/// A failed system or libuv call: what was tried, on what, and the errno it gave.
public struct SystemError: Error, Hashable, Sendable {
    /// The call in words, for example `bind` or `start a loop thread`.
    public let operation: String
    /// What it was tried on, for example `127.64.0.7:80`; empty if there is nothing to name.
    public let subject: String
    /// The error number, positive, as in `errno.h`.
    public let code: Int32

    public init(_ operation: String, _ subject: String = "", code: Int32) {
        self.operation = operation
        self.subject = subject
        self.code = code
    }

    /// The result of a call that returns `-errno` on failure, as all of `CLinux` and libuv do.
    @discardableResult
    package static func check(
        _ result: Int32, _ operation: @autoclosure () -> String, _ subject: @autoclosure () -> String = ""
    ) throws(SystemError) -> Int32 {
        guard result >= 0 else { throw SystemError(operation(), subject(), code: -result) }
        return result
    }

    /// The system's words for the error alone, such as `Address already in use`.
    public var reason: String { Self.reason(code) }

    public static func reason(_ code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
            // The POSIX form of strerror_r: strerror's own buffer is shared by all threads.
            guard let base = text.baseAddress, strerror_r(code, base, text.count) == 0 else { return "error \(code)" }
            return String(cString: base)
        }
    }
}

extension SystemError: CustomStringConvertible {
    public var description: String {
        subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)"
    }
}

extension SystemError {
    /// Somebody else has the address.
    public var isAddressInUse: Bool { code == EADDRINUSE }
    /// The process, or the machine, may have no more open files.
    public var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
    /// The process may not do that, for example listen below port 1024.
    public var isPermissionDenied: Bool { code == EACCES || code == EPERM }
}

extension SystemError {
    /// The code of a wait that was ended by its time limit.
    public static let timedOut: Int32 = ETIMEDOUT
    /// The code of a request to something that has ended.
    public static let canceled: Int32 = ECANCELED
}
