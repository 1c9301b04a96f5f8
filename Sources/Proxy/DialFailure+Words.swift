public import Balancing
internal import Base
public import Relay

extension Endpoint {
    /// For people: the pod, if it is known, and the address.
    public var title: String { podName.isEmpty ? "\(address)" : "\(podName) \(address)" }
}

extension DialFailure {
    /// For people, in the middle of a sentence.
    public var reason: String {
        code == SystemError.timedOut ? "no answer within \(limit) ms" : SystemError.reason(code).lowercased()
    }
}
