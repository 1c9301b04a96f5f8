internal import Base
internal import Glibc

/// Writes values into files of the kernel, and keeps a note of each that it could not write.
struct KernelWriter {
    /// Ends with a slash.
    private let root: String
    private(set) var notes: [KernelNote] = []

    init(root: String) { self.root = root.hasSuffix("/") ? root : root + "/" }

    /// Writes `value` unless the file has it already: a file that cannot be written is no matter then.
    mutating func set(_ what: String, _ path: String, to value: Int) {
        change(what, path, to: value) { $0 == value }
    }

    /// Writes `value` unless the file has that or more.
    mutating func raise(_ what: String, _ path: String, to value: Int) {
        change(what, path, to: value) { $0 >= value }
    }

    private mutating func change(_ what: String, _ path: String, to value: Int, unless isFine: (Int) -> Bool) {
        switch KernelFile.read(root + path) {
        case .success(let text):
            if let present = Int(text), isFine(present) { return }
        case .failure(let error):
            return note(what, path, error, "\(value)")
        }
        write("\(value)", what, to: path)
    }

    private mutating func write(_ value: String, _ what: String, to path: String) {
        if let error = KernelFile.write(value, to: root + path) { note(what, path, error, value) }
    }

    /// Of a longer text the kernel takes a part and forgets what it had.
    private static let longestText = 4095
    /// Ports that clients need in any case: those of the whole node have to do with them.
    private static let fewestForClients = 4096

    /// Keeps ports from clients' ends of connections, where the kernel takes these from among them: whoever listens
    /// there later would find them in use.
    mutating func reserve(_ ports: [ClosedRange<UInt16>]) {
        guard case .success(let text) = KernelFile.read(root + KernelPath.clientPorts),
            let clients = PortRanges.bounds(text)
        else { return }
        let what = "the ports that clients do not get"
        let path = KernelPath.reservedPorts
        let wanted = PortRanges(ports).within(clients)
        guard !wanted.text.isEmpty else { return }
        switch KernelFile.read(root + path) {
        case .success(let text):
            let known = PortRanges(text)
            // What others have reserved stays so: the kernel forgets what is not written again.
            let all = known.union(wanted)
            guard all != known else { return }
            let rest = clients.count - all.within(clients).count
            guard rest >= Self.fewestForClients else {
                let reason = "with \(wanted.text) among them clients would have \(rest) ports on this node"
                let advice =
                    "choose a --proxy-port-range outside of \(clients.lowerBound)-\(clients.upperBound) "
                    + "(/\(KernelPath.clientPorts)), or proxy ports may be found in use"
                return notes.append(KernelNote(what: what, path: "/" + path, reason: reason, advice: advice))
            }
            guard all.text.utf8.count <= Self.longestText else {
                let reason = "the list of those that are reserved already is too long to be added to"
                let advice = "reserve \(wanted.text) in place of some of them"
                return notes.append(KernelNote(what: what, path: "/" + path, reason: reason, advice: advice))
            }
            write(all.text, what, to: path)
        case .failure(let error):
            note(what, path, error, wanted.text)
        }
    }

    private mutating func note(_ what: String, _ path: String, _ error: SystemError, _ value: String) {
        let (reason, advice): (String, String) =
            switch error.code {
            case ENOENT where path.contains("nf_conntrack"):
                ("it is not there: connection tracking is not in the kernel", "load it with modprobe nf_conntrack")
            case ENOENT:
                ("it is not there", "nothing can be done about it on this kernel")
            case EROFS:
                (
                    "it is mounted read-only",
                    "run the container privileged, or set it to \(value) on the node itself"
                )
            case EACCES, EPERM:
                (
                    "that is not permitted",
                    "\(Privilege.advice([path == KernelPath.oomScoreAdj ? .sysResource : .netAdmin])), or set it to "
                        + "\(value) on the node itself"
                )
            default:
                ("the kernel refuses \(value): \(error.reason)", "set it on the node itself")
            }
        notes.append(KernelNote(what: what, path: "/" + path, reason: reason, advice: advice))
    }

    /// Looks at what the proxy needs and does not change, since it decides about more than the proxy.
    ///
    /// - Parameter isCarrying: the kernel carries connections by itself.
    mutating func expectForwarding(_ isCarrying: Bool) {
        for (family, path) in KernelPath.forwarding {
            // Without such a file there is no such family, and nothing to be said about it.
            guard case .success("0") = KernelFile.read(root + path) else { continue }
            notes.append(
                KernelNote(
                    what: "forwarding of \(family)", path: "/" + path, reason: "it is off",
                    advice: isCarrying
                        ? "nothing that pods and other machines send is carried to endpoints; set it to 1"
                        : "clients on other machines cannot be refused at addresses that are not this node's: "
                            + "they get no answer where a Service has no endpoints; set it to 1",
                    isRefusal: false))
        }
    }
}
