public import Base

/// Finds out which process listens on an address: knowing that a port is taken helps little, knowing by whom helps a lot.
public enum PortOwner {
    /// The name and number of a process that listens where `address` would, such as `nginx (pid 812)`. Nil if there is none
    /// to be seen: other users' processes show only to root. One that listens at another address than this is none.
    public static func find(_ address: EndpointAddress, _ transport: TransportProtocol = .tcp) -> String? {
        let inodes = ListeningSockets.inodes(at: address, transport)
        guard !inodes.isEmpty else { return nil }
        let wanted = Set(inodes.map { "socket:[\($0)]" })
        for process in KernelFile.names(in: "/proc") where Int(process) != nil {
            let folder = "/proc/\(process)/fd"
            for descriptor in KernelFile.names(in: folder) {
                guard let target = KernelFile.target(of: "\(folder)/\(descriptor)"), wanted.contains(target)
                else { continue }
                let name = (try? KernelFile.read("/proc/\(process)/comm").get()) ?? "a process"
                return "\(name) (pid \(process))"
            }
        }
        return nil
    }
}
