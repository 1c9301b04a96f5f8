internal import Base
internal import EventLoop

/// Why the rules could not be read, changed or removed, in words for whoever runs the node.
public enum RedirectError: Error, Hashable, Sendable {
    /// There is no such program.
    case notInstalled(program: String)
    /// It lacks what is needed: the lock of `iptables-restore -w`, for one.
    case tooOld(program: String, version: String)
    case notPermitted(program: String)
    /// Others held the lock, or the kernel was short of memory, at every attempt. Later may be better.
    case busy(program: String, attempts: Int, message: String)
    /// The kernel or iptables would not have it. Nothing was changed in the table concerned.
    ///
    /// - Parameter excerpt: the line at fault with its neighbours, if iptables said which it was.
    case refused(program: String, status: Int32, message: String, excerpt: String)
    case timedOut(program: String, seconds: Int)
    /// It wrote more than so many bytes, which no rules have.
    case tooLarge(program: String, limit: Int)
    /// The program could not be started, or not be talked to.
    case notStarted(program: String, code: Int32)
    /// The kernel's memory of flows cannot be asked or changed.
    case flowsRemain(code: Int32)
    /// The text of `iptables-save` makes no sense.
    case unreadable(line: Int, text: String)
}

extension RedirectError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notInstalled(let program):
            "cannot find \(program): please install the package \(Self.package(of: program)) "
                + "(Debian, Ubuntu: apt-get install \(Self.package(of: program)))"
        case .tooOld(let program, let version):
            "\(program) \(version) is too old: please install iptables \(Iptables.oldestVersion) or newer"
        case .notPermitted(let program):
            "\(program): not permitted; "
                + Privilege.advice(
                    [.netAdmin, .netRaw], asUser: "run as root, or with the capabilities NET_ADMIN and NET_RAW")
        case .busy(let program, let attempts, let message):
            "\(program): still busy after \(attempts) attempts: \(message)"
        case .refused(let program, let status, let message, let excerpt):
            "\(program) ended with status \(status): \(message)" + (excerpt.isEmpty ? "" : "\n\(excerpt)")
        case .timedOut(let program, let seconds):
            "\(program) did not end within \(seconds) s and was killed"
        case .tooLarge(let program, let limit):
            "\(program) wrote more than \(limit) bytes and was killed"
        case .notStarted(let program, let code):
            "cannot run \(program): \(SystemError.reason(code))"
        case .flowsRemain(let code):
            "connection tracking cannot be asked: \(SystemError.reason(code)); it needs the kernel module nf_conntrack_netlink"
        case .unreadable(let line, let text):
            "cannot read line \(line) of what iptables-save printed: \(text)"
        }
    }

    private static func package(of program: String) -> String {
        switch program {
        case "nft": "nftables"
        case "ip": "iproute2"
        default: "iptables"
        }
    }
}
