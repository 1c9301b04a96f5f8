internal import AsyncHTTPClient
internal import NIOCore

/// Reads the body of one answer. Dropped before its end, it ends the request.
///
/// Unchecked, since the iterator is only for one reader at a time: an ``APIBody`` is for one reader, and the task that
/// reads for it has ended when ``next()`` returns.
final class ResponseBody: @unchecked Sendable {
    private var iterator: HTTPClientResponse.Body.AsyncIterator?
    private var error: APIError?
    private let watchdog: Watchdog
    private let failure: @Sendable (any Error) async -> APIError

    init(
        _ body: HTTPClientResponse.Body, _ watchdog: Watchdog,
        failure: @escaping @Sendable (any Error) async -> APIError
    ) {
        iterator = body.makeAsyncIterator()
        self.watchdog = watchdog
        self.failure = failure
    }

    @Sendable
    func next() async throws(APIError) -> [UInt8]? {
        if let error { throw error }
        do {
            while let bytes = try await watchdog.watch({ try await self.read() }) {
                if !bytes.isEmpty { return bytes }
            }
            iterator = nil
            return nil
        } catch {
            iterator = nil
            let failure = await failure(error)
            self.error = failure
            throw failure
        }
    }

    private func read() async throws -> [UInt8]? {
        guard let buffer = try await iterator?.next() else {
            // To a task that is cancelled, the end of its request looks like that of the body.
            try Task.checkCancellation()
            return nil
        }
        return Array(buffer.readableBytesView)
    }
}
