internal import AsyncHTTPClient
public import Base
internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1

/// Asks a process of this machine, or another, how things stand.
public struct AdminClient: Sendable {
    /// Why there is no answer. For people.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// More than any answer has.
    private static let mostBytes = 256 << 20
    /// For the head of an answer.
    private static let patience = Duration.seconds(10)

    /// Lives as long as the process.
    private static let http = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private let address: AdminServer.Address

    /// For all of an answer.
    private let limit: Duration

    public init(_ address: AdminServer.Address, limit: Duration = .seconds(20)) {
        self.address = address
        self.limit = limit
    }

    /// - Parameter path: with its query.
    /// - Throws: ``Failure``; also for an answer that is no 200.
    public func get(_ path: String) async throws(Failure) -> [UInt8] {
        if case .socket(let path) = address, path.utf8.count > UnixSocketPath.longest {
            throw Failure(
                description:
                    "the path of a Unix socket has at most \(UnixSocketPath.longest) bytes, and \(path) has \(path.utf8.count)"
            )
        }
        do {
            return try await withThrowingTaskGroup(of: [UInt8].self) { group in
                group.addTask { try await ask(path) }
                group.addTask {
                    try await Task.sleep(for: limit)
                    throw Failure(description: "\(address) has begun an answer, and does not end it")
                }
                defer { group.cancelAll() }
                // There are two.
                return try await group.next() ?? []
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "\(address) does not answer: \(Self.words(for: error))")
        }
    }

    private func ask(_ path: String) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: prefix + path)
        // The process may be replaced by another before the next question.
        request.headers.add(name: "Connection", value: "close")
        let answer = try await Self.http.execute(request, timeout: .init(Self.patience))
        let body = try await answer.body.collect(upTo: Self.mostBytes)
        guard answer.status == .ok else {
            throw Failure(
                description: "\(address) answers \(answer.status.code): \(String(buffer: body).onOneLine)")
        }
        return Array(body.readableBytesView)
    }

    private var prefix: String {
        switch address {
        case .port(let address): "http://\(address)"
        case .socket(let path): "http+unix://\(path.percentEncoded)"
        }
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case let error as IOError: SystemError.reason(error.errnoCode)
        case let error as HTTPClientError:
            [.connectTimeout, .deadlineExceeded, .readTimeout].contains(error)
                ? "it is silent" : error == .remoteConnectionClosed ? "it has closed the connection" : "\(error)"
        case is HTTPParserError: "what is there does not speak HTTP"
        default: "\(error)".onOneLine
        }
    }
}
