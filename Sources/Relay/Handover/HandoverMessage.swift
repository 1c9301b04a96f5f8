internal import Balancing
internal import Base
internal import EventLoop

/// What two processes tell each other at a handover. The new one asks and the old one answers, a message each in turn,
/// so that never more than one batch of descriptors is on its way: the kernel limits how many may be.
///
///     new: hello       old: hello, or refused
///     new: next        old: sockets, with as many descriptors; or none, after the last
///     new: confirm     old: confirmed, with the lock of the one process that serves; or refused
///
/// A message is lines of text; fields are separated by tabs. The first line is the verb. `hello` is the same in every
/// version, so that two processes that do not understand each other can say so (``HandoverVersions``).
///
/// Further fields at the end of a line are passed over, and so are lines after the verb's where a message has none:
/// what a reader may do without is added there, and is no other version. A door that cannot be read is none of that,
/// for its clients would be lost.
enum HandoverMessage: Equatable {
    case hello(version: Int)
    case next
    case sockets([Inheritance.Door])
    case none
    case confirm
    case confirmed
    case refused(String)

    var text: String {
        switch self {
        case .hello(let version): "portico-handover\t\(version)"
        case .next: "next"
        case .sockets(let doors): (["sockets"] + doors.map(\.line)).joined(separator: "\n")
        case .none: "none"
        case .confirm: "confirm"
        case .confirmed: "confirmed"
        case .refused(let reason): "refused\t\(reason.fieldEscaped)"
        }
    }

    /// The message that `text` is, or nil.
    init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let verb = lines.first?.split(separator: "\t", omittingEmptySubsequences: false) ?? []
        switch verb.first {
        case "portico-handover":
            guard verb.count > 1, let version = Int(verb[1]) else { return nil }
            self = .hello(version: version)
        case "next": self = .next
        case "sockets":
            let doors = lines.dropFirst().compactMap { Inheritance.Door(line: String($0)) }
            guard doors.count == lines.count - 1 else { return nil }
            self = .sockets(doors)
        case "none": self = .none
        case "confirm": self = .confirm
        case "confirmed": self = .confirmed
        case "refused":
            guard verb.count > 1 else { return nil }
            self = .refused(String(verb[1]).fieldUnescaped)
        default: return nil
        }
    }

    /// Sockets in one message, at most: so many second descriptors are open at one time, and they are the control
    /// plane's.
    static let mostSockets = min(64, MessageSocket.mostDescriptors)

    /// As many of `doors` as fit into one message, from the first on.
    static func batch<Doors: Collection>(of doors: Doors) -> Doors.SubSequence where Doors.Element == Inheritance.Door {
        var room = MessageSocket.mostBytes - "sockets".utf8.count
        return doors.prefix(mostSockets).prefix { door in
            room -= door.line.utf8.count + 1
            return room >= 0
        }
    }
}

extension Inheritance.Door {
    /// Transport, family, traffic policy, the three parts of the name, address.
    var line: String {
        let list = port.list
        let fields = [
            port.transport.rawValue, "\(list.family.rawValue)", list.policy.rawValue, port.name.namespace,
            port.name.service, port.name.port, "\(address)",
        ]
        return fields.map(\.fieldEscaped).joined(separator: "\t")
    }

    init?(line: String) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map { String($0).fieldUnescaped }
        guard fields.count >= 7, let transport = TransportProtocol(rawValue: fields[0]),
            let family = UInt8(fields[1]).flatMap(IPAddress.Family.init(rawValue:)),
            let policy = TrafficPolicy(rawValue: fields[2]), let address = EndpointAddress(fields[6])
        else { return nil }
        let name = ServicePortName(namespace: fields[3], service: fields[4], port: fields[5])
        self.init(port: ServicePortID(name, transport, EndpointList(family, policy)), address: address)
    }
}

extension String {
    /// Without the characters that separate fields and lines. Names of Kubernetes have none of them, but nobody checks
    /// those that come from elsewhere.
    fileprivate var fieldEscaped: String {
        guard utf8.contains(where: { [0x5C, 0x09, 0x0A].contains($0) }) else { return self }
        var escaped = ""
        for character in unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\t": escaped += "\\t"
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    fileprivate var fieldUnescaped: String {
        guard utf8.contains(0x5C) else { return self }
        var plain = ""
        var rest = unicodeScalars[...]
        while let character = rest.popFirst() {
            guard character == "\\", let escaped = rest.popFirst() else {
                plain.unicodeScalars.append(character)
                continue
            }
            plain.unicodeScalars.append(escaped == "t" ? "\t" : escaped == "n" ? "\n" : escaped)
        }
        return plain
    }
}
