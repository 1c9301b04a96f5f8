public import Base

extension Problem {
    /// What a resolution warns of or refuses; nil for facts that are as intended.
    public init?(_ note: ResolutionNote) {
        switch note.level {
        case .info: return nil
        case .warning: self.init(.warning, .object, subject: note.subject, note.text)
        case .refusal: self.init(.error, .object, subject: note.subject, note.text)
        }
    }
}
