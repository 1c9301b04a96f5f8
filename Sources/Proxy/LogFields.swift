public import Logging

/// What the message of a log line says, once more for programs: logs in JSON have it as fields beside the message, and
/// text leaves it out.
extension Logger.Metadata {
    /// Under which the fields stand together.
    public static let fieldsKey = "fields"

    /// - Parameter fields: those that are nil or empty are left out.
    public static func fields(_ fields: KeyValuePairs<String, (any CustomStringConvertible)?>) -> Logger.Metadata {
        var values: Logger.Metadata = [:]
        for (name, value) in fields {
            guard let text = value?.description, !text.isEmpty else { continue }
            values[name] = .string(text)
        }
        return [fieldsKey: .dictionary(values)]
    }
}
