import CBench
import Glibc

/// What a process that asks for metrics again and again is told to do.
struct ScraperSpec: Codable {
    var port: UInt16
    /// From the beginning of one scrape to that of the next.
    var seconds: Double
}

/// What it has seen.
struct ScraperResult: Codable {
    var scrapes = 0
    var failures = 0
    /// Of the last answer.
    var bytes = 0
    /// How long each took, in milliseconds.
    var milliseconds: [Double] = []
}

/// Asks for metrics as Prometheus does, on a new connection each time, until told to stop.
enum Scraper {
    static func run(_ spec: ScraperSpec) -> ScraperResult {
        var result = ScraperResult()
        var next = Clock.seconds
        while true {
            let start = Clock.seconds
            if let bytes = scrape(spec.port) {
                result.scrapes += 1
                result.bytes = bytes
                result.milliseconds.append((Clock.seconds - start) * 1000)
            } else {
                result.failures += 1
            }
            next = max(next + spec.seconds, Clock.seconds)
            var told = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
            if poll(&told, 1, Int32((next - Clock.seconds) * 1000)) > 0 { return result }
        }
    }

    /// The size of the answer, or nil if there is none with status 200.
    private static func scrape(_ port: UInt16) -> Int? {
        let socket = bench_tcp_connect(port, 0)
        guard socket >= 0 else { return nil }
        defer { close(socket) }
        let request = Array("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
        guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var chunk = [UInt8](repeating: 0, count: 256 << 10)
        var (total, isGood) = (0, false)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { return count == 0 && isGood ? total : nil }
            if total == 0 { isGood = chunk.starts(with: Array("HTTP/1.1 200".utf8)) }
            total += count
        }
    }
}
