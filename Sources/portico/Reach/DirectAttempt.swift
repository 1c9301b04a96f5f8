import Balancing
import Base
import EventLoop
import Glibc
import Relay

/// A connect that waits for a moment, on a thread of its own: there are few of them, see ``PodReach``.
enum DirectAttempt {
    /// Milliseconds. Within a network that there is a route to, an answer takes far less.
    private static let limit: Int32 = 300

    @Sendable static func begin(_ address: EndpointAddress, _ deliver: @escaping @Sendable (TunnelEnd) -> Void) {
        do throws(SystemError) {
            _ = try LoopThread(name: "try a pod") { deliver(connect(to: address)) }
        } catch {
            deliver(.failed(error.code))
        }
    }

    private static func connect(to address: EndpointAddress) -> TunnelEnd {
        do throws(SystemError) {
            let socket = try TCPSocket.dial(SocketAddress(address))
            var event = pollfd(fd: socket.raw, events: Int16(POLLOUT), revents: 0)
            _ = poll(&event, 1, limit)
            switch TCPSocket.dialState(of: socket) {
            case .connected: return .connected(socket.release())
            case .failed(let code): return .failed(code)
            case .pending: return .failed(ETIMEDOUT)
            }
        } catch {
            return .failed(error.code)
        }
    }
}
