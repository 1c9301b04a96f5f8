extension LabelSelector: CustomStringConvertible {
    /// As people write it, with the values of each requirement in order.
    public var description: String { requirements.map(\.description).joined(separator: ",") }
}

extension LabelSelector.Requirement: CustomStringConvertible {
    var description: String {
        switch condition {
        case .isOneOf(let values):
            values.count == 1 ? "\(key)=\(values.joined())" : "\(key) in (\(values.sorted().joined(separator: ", ")))"
        case .isNoneOf(let values):
            values.count == 1
                ? "\(key)!=\(values.joined())" : "\(key) notin (\(values.sorted().joined(separator: ", ")))"
        case .exists: key
        case .isMissing: "!\(key)"
        case .isGreater(let bound): "\(key)>\(bound)"
        case .isLess(let bound): "\(key)<\(bound)"
        }
    }
}
