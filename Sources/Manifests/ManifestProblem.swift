public import Base

/// Something wrong with a manifest, and where.
public struct ManifestProblem: Hashable, Sendable, CustomStringConvertible {
    public enum Severity: Hashable, Sendable {
        /// The object or file is not used as it stands.
        case error
        /// It is used, though perhaps not as meant.
        case warning
    }

    public var severity: Severity
    /// As given by the user, or `standard input`.
    public var file: String
    /// 1 for the first; nil if the problem is the file's as a whole.
    public var line: Int?
    /// 1 for the first; nil where there is nothing to tell apart: JSON files of one document, and whole files.
    public var document: Int?
    /// Such as `Service default/web`; nil if it cannot be told.
    public var object: String?
    /// Such as `spec.ports[0].port`, with `items[3].` in front for an element of a list.
    public var field: String?
    public var message: String

    public init(
        severity: Severity = .error, file: String, line: Int? = nil, document: Int? = nil, object: String? = nil,
        field: String? = nil, message: String
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.document = document
        self.object = object
        self.field = field
        self.message = message
    }

    /// One line: `web.yaml:14: document 2, Service default/web: spec.ports[0].port: expected a number from 1 to 65535,
    /// found 0`.
    public var description: String { "\(place): \(finding)" }

    /// `web.yaml:14: document 2, Service default/web`.
    public var place: String {
        let object = [document.map { "document \($0)" }, object].compactMap { $0 }.joined(separator: ", ")
        return file + (line.map { ":\($0)" } ?? "") + (object.isEmpty ? "" : ": \(object)")
    }

    /// `spec.ports[0].port: expected a number from 1 to 65535, found 0`.
    public var finding: String { (field.map { "\($0): " } ?? "") + message }
}

extension Problem {
    /// As health and the log tell of it.
    public init(_ problem: ManifestProblem) {
        self.init(
            problem.severity == .error ? .error : .warning, problem.object == nil ? .source : .object,
            subject: problem.place, problem.finding)
    }
}
