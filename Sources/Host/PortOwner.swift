public import Base

/// Finds out which process listens on an address: knowing that a port is taken helps little, knowing by whom helps a
/// lot.
public enum PortOwner {
    /// The name and number of a process that listens where `address` would, such as `nginx (pid 812)`. Nil if there is
    /// none to be seen: other users' processes show only to root. One that listens at another address than this is
    /// none.
    public static func find(_ address: EndpointAddress, _ transport: TransportProtocol = .tcp) -> String? {
        let inodes = ListeningSockets.inodes(at: address, transport)
        guard !inodes.isEmpty else { return nil }
        for process in ProcessSockets.processes where !ProcessSockets.inodes(of: process).isDisjoint(with: inodes) {
            let name = (try? KernelFile.read("/proc/\(process)/comm").get()) ?? "a process"
            return "\(name) (pid \(process))"
        }
        return nil
    }
}
