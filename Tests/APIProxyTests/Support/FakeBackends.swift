import EventLoop
import Glibc
import TestSupport

@testable import APIProxy

/// Pods on loopback in turn, or a refusal.
final class FakeBackends: ServiceBackends, ServiceBackend {
    private let pods: [UInt16]
    private let refusal: ServiceRefusal?
    private let next = Locked(0)

    init(pods: [UInt16] = [], refusal: ServiceRefusal? = nil) { (self.pods, self.refusal) = (pods, refusal) }

    var attempts: Int { pods.count }

    func backend(
        namespace: String, service: String, port: RequestedPort?
    ) async throws(ServiceRefusal) -> any ServiceBackend {
        if let refusal { throw refusal }
        return self
    }

    func connect() async throws(BackendFailure) -> BackendStream {
        let port = next.withLock { next in
            defer { next += 1 }
            return pods[next % pods.count]
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            close(descriptor)
            throw BackendFailure("dial tcp 127.0.0.1:\(port): connect: connection refused")
        }
        return BackendStream(descriptor: descriptor, host: "127.0.0.1:\(port)")
    }
}
