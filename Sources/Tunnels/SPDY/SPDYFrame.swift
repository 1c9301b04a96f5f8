package import NIOCore

/// What a peer says by SPDY/3.1, as far as it is used for port-forwarding.
package enum SPDYFrame: Hashable {
    package typealias Headers = [String: String]

    /// A piece of what one frame carries, however it was cut on its way; empty for an end without bytes.
    case data(stream: UInt32, ByteBuffer, isLast: Bool)
    case synStream(stream: UInt32, Headers)
    case synReply(stream: UInt32)
    case reset(stream: UInt32, status: UInt32)
    case ping(UInt32)
    case goAway(lastGood: UInt32)
    /// What nobody here needs: SETTINGS, HEADERS, WINDOW_UPDATE and what may come to be.
    case other(type: UInt16)
}

/// What came is not SPDY/3.1, or more than any server has to say.
package enum SPDYError: Error, Hashable, CustomStringConvertible {
    case version(UInt16)
    /// A control frame of so many bytes.
    case length(type: UInt16, Int)
    /// A header block that cannot be unpacked, is too large, or has an inner length that leads out of it.
    case headers

    package var description: String {
        switch self {
        case .version(let version): "a frame of SPDY/\(version), and SPDY/3 is spoken"
        case .length(let type, let count): "a SPDY frame of kind \(type) with \(count) bytes"
        case .headers: "SPDY headers that cannot be read"
        }
    }
}

/// The types of control frames.
enum SPDYType {
    static let synStream: UInt16 = 1
    static let synReply: UInt16 = 2
    static let reset: UInt16 = 3
    static let ping: UInt16 = 6
    static let goAway: UInt16 = 7
    static let headers: UInt16 = 8
}

package enum SPDYStatus {
    package static let cancel: UInt32 = 5
}
