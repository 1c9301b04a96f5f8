/// What tells one state of a file from another without reading it.
///
/// The inode sees a file replaced by renaming, as editors and `kubectl` do it, and a symbolic link turned elsewhere, as
/// ConfigMap volumes do it; size and times see one written in place. The change time sees what a tool that restores the
/// modification time would hide, and a permission that was mended.
struct FileFingerprint: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    var changed: Int64

    /// Whether it is another state of one file, and not another file.
    func isOfSameFile(as other: FileFingerprint) -> Bool { device == other.device && inode == other.inode }

    /// Whether it was written so recently that another write might leave the same fingerprint.
    func isFresh(at now: Int64) -> Bool { FileTime.isFresh(changed, at: now) }
}

/// What tells one state of a folder, as a list of names, from another without reading it.
struct FolderStamp: Hashable, Sendable {
    var identity: FolderIdentity
    /// Nanoseconds since 1970: the last time that a name came, went or was given to another file.
    var modified: Int64
    var changed: Int64

    func isFresh(at now: Int64) -> Bool { FileTime.isFresh(max(modified, changed), at: now) }
}

/// What tells a folder from another in its place.
struct FolderIdentity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
}

enum FileTime {
    /// File times advance in steps of some milliseconds only, so what changed this recently may change again unseen.
    static let fresh = Duration.milliseconds(100)

    static func isFresh(_ changed: Int64, at now: Int64) -> Bool { .nanoseconds(abs(now - changed)) < fresh }
}
