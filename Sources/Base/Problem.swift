/// Something that is not as it was asked for, for as long as that lasts: a Service that is not served, a source that cannot be
/// read, rules that are not in force.
///
/// Whoever finds one returns it, and returns it again each time he looks for as long as it is there. The log tells of it when
/// it comes and when it goes; health, and whatever else shows how things stand, has all that are there now.
public struct Problem: Hashable, Sendable, CustomStringConvertible {
    public enum Severity: String, Hashable, Sendable {
        /// Everything is served, though perhaps not as meant.
        case warning
        /// Something is not served, or not as asked for.
        case error
    }

    /// What it is about, as a word for programs.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A source cannot be read.
        case source
        /// An object, or a part of one, is refused or used otherwise than it says.
        case object
        /// An address cannot be listened at.
        case listener
        /// Something there is not enough of: descriptors, proxy ports.
        case resources
        /// This node, as others know it: its name and addresses.
        case node
        /// The firewall.
        case rules
    }

    public var severity: Severity
    public var kind: Kind
    /// Whom it happens to, such as `Service default/web` or `default/web:http/TCP`; empty where that goes without saying.
    public var subject: String
    /// What happened, and what to do about it.
    public var text: String

    public init(_ severity: Severity = .error, _ kind: Kind, subject: String = "", _ text: String) {
        self.severity = severity
        self.kind = kind
        self.subject = subject
        self.text = text
    }

    /// One line: `default/web: no proxy port is left in 18000-18009; choose a larger --proxy-port-range`.
    public var description: String { subject.isEmpty ? text : "\(subject): \(text)" }
}
