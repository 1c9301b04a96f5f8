/// Whose sockets are whose, as `/proc` has it. Other users' processes show only to root.
public enum ProcessSockets {
    /// The numbers of all processes that there are.
    static var processes: [Int32] { KernelFile.names(in: "/proc").compactMap { Int32($0) } }

    /// The inode numbers of the sockets that a process has; none if it is gone, or somebody else's.
    public static func inodes(of process: Int32) -> Set<UInt32> {
        let folder = "/proc/\(process)/fd"
        return KernelFile.names(in: folder).reduce(into: []) { inodes, descriptor in
            guard let target = KernelFile.target(of: "\(folder)/\(descriptor)"), let inode = inode(of: target) else {
                return
            }
            inodes.insert(inode)
        }
    }

    /// `socket:[4711]`.
    private static func inode(of target: String) -> UInt32? {
        guard target.hasPrefix("socket:["), target.hasSuffix("]") else { return nil }
        return UInt32(target.dropFirst(8).dropLast())
    }

    /// A process and those that it has started, and they in turn.
    public static func family(of process: Int32) -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for other in processes {
            guard let parent = parent(of: other) else { continue }
            children[parent, default: []].append(other)
        }
        var family = [process]
        // Grows while it is gone through.
        var next = 0
        while next < family.count {
            family += children.removeValue(forKey: family[next]) ?? []
            next += 1
        }
        return family
    }

    private static func parent(of process: Int32) -> Int32? {
        guard case .success(let text) = KernelFile.read("/proc/\(process)/stat") else { return nil }
        // The name stands in brackets, and may have any characters, brackets too. The state comes next, and then the
        // parent.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[end...].split(separator: " ")
        return fields.count > 2 ? Int32(fields[2]) : nil
    }
}
