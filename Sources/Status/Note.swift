/// A fact that explains what is served and what is not, and is as intended.
public struct Note: Hashable, Sendable {
    public let text: String
    /// Of interest only to those who look closely.
    public let isDetail: Bool

    public init(_ text: String, isDetail: Bool) {
        self.text = text
        self.isDetail = isDetail
    }
}
