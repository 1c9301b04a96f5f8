internal import Base
internal import Glibc

/// A whole answer that the proxy gives itself.
struct Answer: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    init(_ status: Int, _ headers: [(name: String, value: String)] = [], _ body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A line of text, as Go's servers give it.
    static func text(_ status: Int, _ text: String) -> Answer {
        let headers = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        return Answer(status, headers, Array((text + "\n").utf8))
    }

    static let forbidden = text(403, "Forbidden")
    static let notFound = text(404, "404 page not found")

    /// To the same with another path. A request that has a body, or does something, has to keep its method, which 301
    /// leaves to the client; kubectl gives 301 to all up to 1.35 and 307 from 1.36.
    static func moved(to location: String, method: String) -> Answer {
        let isRead = method == "GET" || method == "HEAD"
        let words = isRead ? "Moved Permanently" : "Temporary Redirect"
        let headers = [("Content-Type", "text/html; charset=utf-8"), ("Location", location)]
        return Answer(isRead ? 301 : 307, headers, Array("<a href=\"\(location.inHTML)\">\(words)</a>.\n\n".utf8))
    }

    /// The body that Kubernetes gives with an error.
    ///
    /// - Parameter details: of what kind what is missing, JSON with a comma behind it.
    static func status(_ code: Int, reason: String, _ message: String, details: String = "") -> Answer {
        let body =
            #"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":\#(quoted(message)),"#
            + #""reason":"\#(reason)",\#(details)"code":\#(code)}"#
        return Answer(
            code, [("Cache-Control", "no-cache, private"), ("Content-Type", "application/json")],
            Array((body + "\n").utf8))
    }

    /// As JSON, and as Go has it, which leaves nothing for a browser to read as a page.
    static func quoted(_ text: String) -> String {
        text.quotedAsJSON.replacing("<", with: "\\u003c").replacing(">", with: "\\u003e").replacing(
            "&", with: "\\u0026")
    }
}

extension String {
    /// As text, or the value of an attribute, in a page.
    var inHTML: String {
        reduce(into: "") { text, character in
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&#34;"
            case "'": text += "&#39;"
            default: text.append(character)
            }
        }
    }
}

/// A moment as HTTP writes it: `Tue, 24 Nov 2026 14:17:31 GMT`.
struct HTTPDate: CustomStringConvertible {
    let seconds: Int

    static var now: HTTPDate { HTTPDate(seconds: time(nil)) }

    var description: String {
        var (moment, parts) = (time_t(seconds), tm())
        gmtime_r(&moment, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
