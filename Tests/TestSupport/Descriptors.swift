internal import Glibc
public import Testing

/// The open descriptors of this process.
///
/// Tests run side by side in one process, and what the others have open is no test's business: a test that counts
/// descriptors does so in a process of its own, the body of an exit test:
///
///     await #expect(processExitsWith: .success) {
///         let baseline = Descriptors.open()
///         …
///         await expectDescriptorsBackTo(baseline)
///     }
public enum Descriptors {
    /// How many descriptors are open, without the one that reading the list needs.
    ///
    /// Timer descriptors are left out: the runtime makes one at the first `Task.sleep`, which may be after the baseline
    /// was taken; libuv and Portico have none.
    public static func open() -> Int { numbers().count { target(of: $0) != "anon_inode:[timerfd]" } }

    /// Has the runtime make the descriptors that it makes at the first sleep on each of its clocks and keeps for good: before
    /// a baseline is taken, and before a test takes all descriptors away, which the runtime would not survive.
    public static func settle() async throws {
        try await Task.sleep(for: .milliseconds(1), clock: .continuous)
        try await Task.sleep(for: .milliseconds(1), clock: .suspending)
        try await Task.sleep(nanoseconds: 1_000_000)
    }

    /// The open descriptors with what each refers to (`socket:[123]`, `pipe:[456]`, a path), for failure messages.
    public static func list() -> [String] {
        numbers().map { "\($0) → \(target(of: $0))" }
    }

    static func numbers() -> [Int32] {
        guard let folder = opendir("/proc/self/fd") else { return [] }
        defer { closedir(folder) }
        let own = dirfd(folder)
        var found: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = Int32(name), number != own { found.append(number) }
        }
        return found.sorted()
    }

    private static func target(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let length = bytes.withUnsafeMutableBytes { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            return readlink("/proc/self/fd/\(descriptor)", base, buffer.count)
        }
        return length < 0 ? "closed" : String(decoding: bytes.prefix(length), as: UTF8.self)
    }
}

/// Records an issue unless the process is back at `baseline` descriptors before `limit` has passed; closing is
/// asynchronous in the code under test, so this polls.
public func expectDescriptorsBackTo(
    _ baseline: Int, within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation
) async {
    if await eventually(within: limit, { Descriptors.open() <= baseline }) { return }
    let open = Descriptors.list()
    Issue.record(
        "\(open.count) descriptors are open, \(baseline) were at the start: \(open.joined(separator: ", "))",
        sourceLocation: sourceLocation)
}

/// Raises the soft limit of open descriptors to `count` (the hard limit permitting) for this process.
public func raiseDescriptorLimit(to count: Int) throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    guard limit.rlim_cur < count else { return }
    limit.rlim_cur = rlim_t(count)
    limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
    guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
        throw PeerError.last("setrlimit RLIMIT_NOFILE to \(count)")
    }
}
