internal import Base

/// Whoever knows the pods of Services, and how to reach them.
public protocol ServiceBackends: Sendable {
    /// Looks up a port of a Service.
    ///
    /// - Parameter port: nil where the path names none: the only one that there is.
    func backend(
        namespace: String, service: String, port: RequestedPort?
    ) async throws(ServiceRefusal) -> any ServiceBackend
}

/// A port of a Service, with the pods behind it.
public protocol ServiceBackend: Sendable {
    /// How many pods it is worth trying, at least 1.
    var attempts: Int { get }

    /// Connects to the next pod in turn.
    ///
    /// - Returns: a stream that belongs to the caller.
    /// - Throws: ``BackendFailure`` if that pod cannot be reached now.
    func connect() async throws(BackendFailure) -> BackendStream
}

/// A stream to a pod.
public struct BackendStream: Sendable {
    /// A connected stream socket. Whoever has it closes it.
    public var descriptor: Int32
    /// What the pod may call itself in a redirect, as in `10.244.1.3:9376`.
    public var host: String
    /// Given when the stream has broken without its end saying so; nil where it does.
    public var breaks: BreakSignal?

    public init(descriptor: Int32, host: String, breaks: BreakSignal? = nil) {
        self.descriptor = descriptor
        self.host = host
        self.breaks = breaks
    }
}

/// That a stream is broken, told once by whoever carries it to whoever reads it. Any thread.
public final class BreakSignal: Sendable {
    private struct State {
        var isGiven = false
        var refusal: BackendFailure?
        var listener: (@Sendable () -> Void)?
    }

    private let state = Guarded(State())

    public init() {}

    public func give() {
        let listener = state.withLock { state in
            defer { (state.isGiven, state.listener) = (true, nil) }
            return state.listener
        }
        listener?()
    }

    /// The pod has not taken anything of what was sent: another may have all of it. To be said before the stream ends.
    public func refuse(_ failure: BackendFailure) { state.withLock { $0.refusal = failure } }

    var refusal: BackendFailure? { state.withLock { $0.refusal } }

    /// - Parameter listener: called at once if it has been given already.
    func hear(_ listener: @escaping @Sendable () -> Void) {
        let isGiven = state.withLock { state in
            if !state.isGiven { state.listener = listener }
            return state.isGiven
        }
        if isGiven { listener() }
    }
}

/// A port of a Service as a path names it.
public enum RequestedPort: Hashable, Sendable {
    case number(UInt16)
    case name(String)
}

/// Why there is nobody behind a port of a Service.
public enum ServiceRefusal: Error, Hashable, Sendable {
    case noService
    /// No port of this number.
    case noPort(UInt16)
    /// No port of this name.
    case noPortNamed(String)
    case noEndpoints
    /// Several ports, and none was named: `http (80)`, `9090`.
    case severalPorts([String])
    /// It is not known, for a reason that people are told.
    case unknown(String)
}

/// Why a pod cannot be reached, as in `dial tcp 10.244.1.3:9376: connect: connection refused`.
public struct BackendFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
