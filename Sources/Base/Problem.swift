/// Something that is not as it was asked for, for as long as that lasts: a Service that is not served, a source that
/// cannot be read, rules that are not in force.
///
/// Code that finds one returns it at every look, for as long as it lasts. The log has a line when it comes and when it
/// is over; `/healthz` and other views show all that there are now.
public struct Problem: Hashable, Sendable, CustomStringConvertible {
    public enum Severity: String, Hashable, Sendable, CaseIterable {
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
        /// Health checks cannot be answered at an address.
        case health
        /// Metrics and status cannot be served at an address.
        case admin
        /// Endpoints that nobody can reach from here.
        case endpoints
        /// Something there is not enough of: descriptors, proxy ports.
        case resources
        /// What others know of this node by: its name and addresses, and files that tell what it serves.
        case node
        /// The firewall.
        case rules
    }

    public var severity: Severity
    public var kind: Kind
    /// What it happens to, such as `Service default/web` or `default/web:http`; empty where the text says it.
    public var subject: String
    /// What happened, and what to do about it.
    public var text: String

    public init(_ severity: Severity = .error, _ kind: Kind, subject: String = "", _ text: String) {
        self.severity = severity
        self.kind = kind
        self.subject = subject
        self.text = text
    }

    /// One line: `default/web: cannot listen on 0.0.0.0:30080: the address is in use, held by nginx (pid 812)`.
    public var description: String { subject.isEmpty ? text : "\(subject): \(text)" }
}
