import Base
import Glibc

/// A file that may have anything be done in its reader's name. It is read only if nobody else can have written it: it
/// is the reader's own, or root's, and others may not write to it.
enum TrustedFile {
    /// - Throws: why it cannot be read, or is not to be trusted.
    static func read(_ path: String) throws(ConfigurationMistakes) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ConfigurationMistakes("\(path): cannot be read: \(SystemError.reason(errno))")
        }
        defer { close(descriptor) }
        var (file, link) = (stat(), stat())
        guard fstat(descriptor, &file) == 0, lstat(path, &link) == 0 else {
            throw ConfigurationMistakes("\(path): cannot be read: \(SystemError.reason(errno))")
        }
        guard file.st_mode & S_IFMT == S_IFREG else { throw ConfigurationMistakes("\(path): is not a file") }
        // Who makes a link decides what is read.
        for status in [link, file] {
            guard let reason = reasonToDistrust(status, reader: geteuid(), isOwnGroup: isOwnGroup) else { continue }
            throw ConfigurationMistakes(
                "\(path): is not used, since it can name a program to run, and \(reason); or use --no-project")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw ConfigurationMistakes("\(path): cannot be read: \(SystemError.reason(errno))")
            }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= mostBytes else {
                throw ConfigurationMistakes("\(path): is larger than \(mostBytes) bytes")
            }
        }
    }

    private static let mostBytes = 1 << 20

    /// - Parameter isOwnGroup: whether a group has no member but the reader.
    /// - Returns: with what to do about it; nil for a file to be trusted.
    static func reasonToDistrust(_ status: stat, reader: uid_t, isOwnGroup: (gid_t) -> Bool) -> String? {
        guard status.st_uid == reader || status.st_uid == 0 else {
            return "it belongs to user \(status.st_uid), not to you (user \(reader)): make it yours with chown"
        }
        // A link has all permissions, which mean nothing.
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        let isOpenToGroup = status.st_mode & S_IWGRP != 0 && !isOwnGroup(status.st_gid)
        guard status.st_mode & S_IWOTH != 0 || isOpenToGroup else { return nil }
        return "others may write to it: 'chmod go-w' it"
    }

    /// Many systems give each user a group of the same name, and let files be written by their group.
    private static func isOwnGroup(_ group: gid_t) -> Bool {
        guard let user = getpwuid(geteuid())?.pointee, user.pw_gid == group, let entry = getgrgid(group)?.pointee,
            strcmp(user.pw_name, entry.gr_name) == 0
        else { return false }
        var member = entry.gr_mem
        while let name = member?.pointee {
            guard strcmp(name, user.pw_name) == 0 else { return false }
            member = member?.advanced(by: 1)
        }
        return true
    }
}
