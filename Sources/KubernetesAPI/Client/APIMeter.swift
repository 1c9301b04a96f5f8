internal import Base

/// What has been asked of an API server, and how it goes with following its objects. Counted where it happens, and read
/// by anybody at any time.
public final class APIMeter: Sendable {
    /// Requests of one kind.
    public struct Request: Hashable, Sendable {
        public var method: APIRequest.Method
        /// Of the answer; nil if there was none.
        public var status: Int?
    }

    /// Following the objects of one kind.
    public struct Watch: Sendable, Hashable {
        /// In the plural, as in `endpointslices`.
        public var resource: String
        /// All of them have been known once.
        public var hasSynced = false
        /// The server can be followed now, as far as is known.
        public var isUp = false
        /// When the server last said something about them; nil for never.
        public var lastHeard: ContinuousClock.Instant?
        /// Lists and watches begun, and those that failed.
        public var requests: UInt64 = 0
        public var failures: UInt64 = 0
    }

    private struct State {
        var requests: [Request: UInt64] = [:]
        var watches: [Watch] = []
    }

    private let state = Guarded(State())

    public init() {}

    public var requests: [Request: UInt64] { state.withLock { $0.requests } }
    public var watches: [Watch] { state.withLock { $0.watches } }

    func count(_ method: APIRequest.Method, _ status: Int?) {
        state.withLock { $0.requests[Request(method: method, status: status), default: 0] += 1 }
    }

    func begin(_ watches: [Watch]) { state.withLock { $0.watches = watches } }

    func update(_ index: Int, _ change: (inout Watch) -> Void) {
        state.withLock { state in
            if state.watches.indices.contains(index) { change(&state.watches[index]) }
        }
    }
}

/// A client whose requests are counted.
public struct MeteredClient: APIClient {
    private let client: any APIClient
    private let meter: APIMeter

    public init(_ client: any APIClient, _ meter: APIMeter) {
        self.client = client
        self.meter = meter
    }

    public func send(_ request: APIRequest) async throws(APIError) -> APIResponse {
        do throws(APIError) {
            let response = try await client.send(request)
            meter.count(request.method, response.status)
            return response
        } catch {
            if case .cancelled = error {} else { meter.count(request.method, nil) }
            throw error
        }
    }
}
