internal import CTestSupport
internal import Glibc

/// What only an ordinary user meets: ports that may not be bound, pipes that may not grow.
///
/// Tests usually run as root (in a container) where none of that shows. There are two ways out of it:
///
/// * in an exit test, whose body is a process of its own, ``OrdinaryUser/become()`` gives the rights up for good;
/// * ``runAsOrdinaryUser(_:_:environment:within:)`` runs another program.
public enum OrdinaryUser {
    /// `nobody`, who owns nothing.
    public static let id: UInt32 = 65_534

    /// What `setpriv` is to be told for that.
    public static var switches: [String] {
        ["--reuid", "\(id)", "--regid", "\(id)", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    }

    /// What starts a program as that user; nothing if this process is one.
    public static var launcher: [String] { geteuid() == 0 ? ["setpriv"] + switches : [] }

    /// Gives up the rights of root for the rest of this process. Only for the body of an exit test:
    ///
    ///     @Test(.requires(.ordinaryUser)) func … {
    ///         await #expect(processExitsWith: .success) {
    ///             try OrdinaryUser.become()
    ///             …
    ///         }
    ///     }
    public static func become() throws {
        guard geteuid() == 0 else { return }
        // The order matters: without the user's rights the groups could no longer be changed.
        guard setgroups(0, nil) == 0 else { throw PeerError.last("setgroups") }
        // As root these set the saved identity too, so there is no way back; and they do so for every thread.
        guard setgid(id) == 0 else { throw PeerError.last("setgid") }
        guard setuid(id) == 0 else { throw PeerError.last("setuid") }
        // The address sanitizer stops all threads by tracing them, which is forbidden from here on. What goes on meanwhile it
        // takes for leaks.
        test_skip_leak_check()
    }
}

/// Runs a program to its end as an ordinary user: as `nobody` through `setpriv` when this process is root, else as it is.
///
/// The program and what it reads must be open to that user: `TemporaryDirectory(readableByAll: true)` is.
public func runAsOrdinaryUser(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
    within limit: Duration = .seconds(60)
) async throws -> ProgramResult {
    let child: ChildProcess
    if geteuid() != 0 {
        child = try ChildProcess(executable, arguments, environment: environment)
    } else {
        guard let setpriv = findProgram("setpriv") else { throw PeerError.unexpected("setpriv is not installed") }
        child = try ChildProcess(setpriv, OrdinaryUser.switches + [executable] + arguments, environment: environment)
    }
    child.closeInput()
    return try await child.finished(within: limit)
}
