internal import Base

/// The parts of a URL that lead to a server. Each byte of it may stand in a request as it is, so that no line of a file
/// can become a line of a request.
struct URLParts {
    /// In lower case; nil if the text has none.
    var scheme: String?
    var user: String?
    var password: String?
    /// An IPv6 address without brackets.
    var host = ""
    var port: UInt16?
    /// As it is written, without query and fragment.
    var path = ""

    init(_ text: String) throws(MalformedURL) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw MalformedURL("expected a URL, found characters that it cannot have")
        }
        var rest = text[...]
        if let mark = rest.firstRange(of: "://") {
            let name = rest[..<mark.lowerBound]
            guard name.first?.isLetter == true, name.allSatisfy({ $0.isLetter || $0.isNumber || "+-.".contains($0) })
            else { throw MalformedURL("expected a URL, found \"\(Self.withoutLogin(text))\"") }
            scheme = name.lowercased()
            rest = rest[mark.upperBound...]
        }
        let authority = rest.prefix { !"/?#".contains($0) }
        path = String(rest[authority.endIndex...].prefix { !"?#".contains($0) })
        // Else it is half of a password, and in a path that is shown.
        guard !rest[authority.endIndex...].contains("@") else {
            throw MalformedURL(
                "expected no @ after the host; in a user name or password /, ? and # are written %2F, %3F and %23")
        }
        var server = authority
        if let at = authority.lastIndex(of: "@") {
            let login = authority[..<at]
            let name = login.prefix { $0 != ":" }
            user = try Self.decoded(name)
            if name.endIndex < login.endIndex { password = try Self.decoded(login[name.endIndex...].dropFirst()) }
            server = authority[authority.index(after: at)...]
        }
        try take(server: server)
    }

    private mutating func take(server: Substring) throws(MalformedURL) {
        var rest = server
        if rest.first == "[", let end = rest.firstIndex(of: "]") {
            host = String(rest[..<end].dropFirst())
            guard IPAddress(host) != nil, host.contains(":") else {
                throw MalformedURL("expected an IPv6 address in the brackets, found \"\(host)\"")
            }
            rest = rest[end...].dropFirst()
        } else {
            host = String(rest.prefix { $0 != ":" })
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || "-._".contains($0) }) else {
                throw MalformedURL("expected the name or address of a host, found \"\(host)\"")
            }
            rest = rest.dropFirst(host.count)
        }
        guard !host.isEmpty else { throw MalformedURL("expected a host, found none") }
        guard rest.first == ":" || rest.isEmpty else {
            throw MalformedURL("expected a port after the host, found \"\(rest)\"")
        }
        let digits = rest.dropFirst()
        if digits.isEmpty { return }
        guard !digits.contains(":") else { throw MalformedURL("expected an IPv6 address in brackets") }
        guard digits.allSatisfy(\.isNumber), let number = UInt16(digits), number > 0 else {
            throw MalformedURL("expected a port from 1 to 65535, found \"\(digits)\"")
        }
        port = number
    }

    /// A URL as it may be shown: without all that could be the user and password in it.
    static func withoutLogin(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@") else { return text }
        let start = text.firstRange(of: "://").map(\.upperBound) ?? text.startIndex
        return String((start <= at ? text[..<start] : "") + text[at...].dropFirst())
    }

    private static func decoded(_ text: Substring) throws(MalformedURL) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16), rest.count >= 2 else {
                throw MalformedURL("expected two hexadecimal digits after % in the user name or password")
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why a text is no URL of a server, without its place.
public struct MalformedURL: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
