/// A request of an API server, without what a connection adds to each: the server's own path, credentials, host.
public struct APIRequest: Hashable, Sendable {
    public enum Method: String, Hashable, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    public struct QueryItem: Hashable, Sendable {
        public var name: String
        /// As it is meant; whoever sends it encodes it.
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public var method: Method
    /// Below the server's own path, with a slash in front: `/api/v1/services`.
    public var path: String
    public var query: [QueryItem]
    public var accept = "application/json"
    public var contentType: String?
    public var body: [UInt8]?
    /// How long the server may be silent, before its answer and within it; nil for as long as it likes.
    public var patience: Duration?

    public init(_ method: Method = .get, _ path: String, query: [QueryItem] = []) {
        self.method = method
        self.path = path
        self.query = query
    }
}
