import Foundation
import Glibc
import Objects
import Redirect
import TestSupport

/// A network namespace for one test: a node, 192.168.1.5, with a machine beside it, 192.168.1.6, in a namespace of its
/// own. They live as long as the processes in them.
final class Namespace {
    /// Holds programs of the real names that run the real ones in the namespace.
    let folder: TemporaryDirectory
    private let holder: ChildProcess
    private let neighbour: ChildProcess

    init() async throws {
        folder = try TemporaryDirectory()
        guard let unshare = findProgram("unshare") else { throw Failure(description: "no unshare") }
        // A pair of interfaces rather than a dummy one, which not every kernel has. All is sent to the other side.
        holder = try ChildProcess(unshare, ["--net", "sh", "-c", "echo ready; exec sleep 600"])
        neighbour = try ChildProcess(unshare, ["--net", "sh", "-c", "echo ready; exec sleep 600"])
        for child in [holder, neighbour] {
            guard await eventually(within: .seconds(20), { child.output.contains("ready") }) else {
                throw Failure(description: "no namespace: \(child.errors)")
            }
        }
        let setUp = """
            set -e
            ip link set lo up
            # As on every node of a cluster; otherwise the kernel drops what is for others before filter can refuse it.
            echo 1 > /proc/sys/net/ipv4/ip_forward
            ip link add veth0 type veth peer name veth1
            ip link set veth1 netns \(neighbour.pid)
            ip addr add 192.168.1.5/24 dev veth0
            ip link set veth0 up
            nsenter --net=/proc/\(neighbour.pid)/ns/net sh -c \
                'ip addr add 192.168.1.6/24 dev veth1; ip link set veth1 up; ip route add default via 192.168.1.5'
            ip route add default via 192.168.1.6
            # Back the way it came: the kernel would tell the neighbour so, and count that against its limit of refusals.
            for file in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $file; done
            """
        try await run("sh", "-c", last: setUp)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Its iptables of one kind, and of that kind only.
    func iptables(_ variant: Iptables.Variant) throws -> Iptables {
        for family in ["iptables", "ip6tables"] {
            for tool in ["save", "restore"] {
                let name = "\(family)-\(variant.rawValue)-\(tool)"
                try wrap(name)
            }
        }
        var iptables = Iptables(variant: variant, searchPath: [folder.path])
        // What the kernel says of its tables itself would be said of the network that the test runs in.
        iptables.kind = nil
        return iptables
    }

    /// Puts a program into the folder that runs the real one in the namespace.
    func wrap(_ program: String) throws {
        guard let path = findProgram(program) else { throw Failure(description: "no \(program)") }
        try folder.write("#!/bin/sh\nexec nsenter --net=/proc/\(holder.pid)/ns/net \(path) \"$@\"\n", to: program)
        try makeExecutable(folder.file(program))
    }

    /// Runs a program in the namespace and returns its output; throws if it fails.
    ///
    /// - Parameters:
    ///   - arguments: parted by blanks.
    ///   - last: one more argument, which may have blanks.
    @discardableResult
    func run(_ program: String, _ arguments: String, input: String = "", last: String? = nil) async throws -> String {
        guard let nsenter = findProgram("nsenter"), let path = findProgram(program) else {
            throw Failure(description: "no \(program)")
        }
        let words = ["--net=/proc/\(holder.pid)/ns/net", path] + arguments.split(separator: " ").map(String.init)
        let child = try ChildProcess(nsenter, words + (last.map { [$0] } ?? []))
        if !input.isEmpty { try child.write(input) }
        child.closeInput()
        let result = try await child.finished()
        guard result.status == 0 else { throw Failure(description: "\(program) \(arguments): \(result.errors)") }
        return result.output
    }

    private func emptyPod() async throws -> ChildProcess {
        guard let unshare = findProgram("unshare") else { throw Failure(description: "no unshare") }
        let pod = try ChildProcess(unshare, ["--net", "sh", "-c", "echo ready; exec sleep 600"])
        guard await eventually(within: .seconds(20), { pod.output.contains("ready") }) else {
            throw Failure(description: "no namespace: \(pod.errors)")
        }
        return pod
    }

    /// Adds a pod at a bridge of the node, 10.244.0.1, which is made if it is not there.
    func addBridgedPod(_ name: String, _ ipv4: String) async throws -> Pod {
        let pod = try await emptyPod()
        let setUp = """
            set -e
            ip link show br0 > /dev/null 2>&1 || {
                ip link add br0 type bridge; ip addr add 10.244.0.1/24 dev br0; ip link set br0 up
            }
            ip link add \(name) type veth peer name eth0 netns /proc/\(pod.pid)/ns/net
            ip link set \(name) up master br0
            nsenter --net=/proc/\(pod.pid)/ns/net sh -ec '
                ip link set lo up; ip link set eth0 up
                ip addr add \(ipv4)/24 dev eth0; ip route add default via 10.244.0.1'
            """
        try await run("sh", "-c", last: setUp)
        return Pod(process: pod)
    }

    /// Adds a pod with addresses of its own that are routed to it.
    func addPod(_ name: String, _ ipv4: String, _ ipv6: String) async throws -> Pod {
        let pod = try await emptyPod()
        let setUp = """
            set -e
            echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
            ip link add \(name) type veth peer name eth0 netns /proc/\(pod.pid)/ns/net
            ip link set \(name) up
            echo 1 > /proc/sys/net/ipv4/conf/\(name)/proxy_arp
            echo 0 > /proc/sys/net/ipv4/neigh/\(name)/proxy_delay
            ip -6 addr add fe80::1/64 dev \(name) nodad
            nsenter --net=/proc/\(pod.pid)/ns/net sh -ec '
                ip link set lo up; ip link set eth0 up
                ip addr add \(ipv4)/32 dev eth0; ip -6 addr add \(ipv6)/128 dev eth0 nodad
                ip route add 169.254.1.1 dev eth0; ip route add default via 169.254.1.1
                ip -6 route add default via fe80::1 dev eth0'
            ip route add \(ipv4) dev \(name)
            ip -6 route add \(ipv6) dev \(name)
            """
        try await run("sh", "-c", last: setUp)
        return Pod(process: pod)
    }

    /// A namespace beside the node's; it lives as long as its process.
    struct Pod: Sendable {
        let process: ChildProcess
        var pid: Int32 { process.pid }
    }

    /// Whose network the node's is.
    var pid: Int32 { holder.pid }
    var neighbourPID: Int32 { neighbour.pid }

    /// Gives the node and its neighbour IPv6, fd01::5 and fd01::6.
    func addIPv6() async throws {
        let setUp = """
            set -e
            echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
            ip -6 addr add fd01::5/64 dev veth0 nodad
            nsenter --net=/proc/\(neighbour.pid)/ns/net sh -ec \
                'ip -6 addr add fd01::6/64 dev veth1 nodad; ip -6 route add default via fd01::5'
            ip -6 route add default via fd01::6
            """
        try await run("sh", "-c", last: setUp)
    }

    enum Place { case node, neighbour }

    /// Listens on all addresses of the node, at `port`. The caller closes it.
    func listen(_ port: UInt16, backlog: Int32 = 16) async throws -> Int32 {
        try await socket(in: .node) { descriptor in
            var address = Self.address("0.0.0.0", port)
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard code == 0, Glibc.listen(descriptor, backlog) == 0 else {
                throw Failure(description: "bind: \(errno)")
            }
            return descriptor
        }
    }

    enum Answer: Equatable { case connected, refused, silence, other(Int32) }

    /// What a TCP connection from `place` comes to within half a second.
    func connect(from place: Place, to host: String, _ port: UInt16) async throws -> Answer {
        try await socket(in: place) { descriptor in
            defer { close(descriptor) }
            var limit = timeval(tv_sec: 0, tv_usec: 500_000)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            var address = Self.address(host, port)
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if code == 0 { return .connected }
            switch errno {
            case ECONNREFUSED: return .refused
            case EINPROGRESS, EAGAIN, ETIMEDOUT: return .silence
            default: return .other(errno)
            }
        }
    }

    /// Makes a TCP socket that belongs to a namespace.
    private func socket<Result: Sendable>(
        in place: Place, _ body: @escaping @Sendable (Int32) throws -> Result
    ) async throws -> Result {
        try await OwnResources.inNetwork(of: place == .node ? holder.pid : neighbour.pid) {
            try body(Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        }
    }

    private static func address(_ host: String, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }
}
