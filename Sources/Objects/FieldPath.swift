/// A place in a list, for errors that concern one element but are found only once all are read.
struct FieldIndex: CodingKey {
    let intValue: Int?
    var stringValue: String { "Index \(intValue ?? 0)" }

    init(_ index: Int) { intValue = index }
    init?(intValue: Int) { self.intValue = intValue }
    init?(stringValue: String) { nil }
}

/// A field by name, for the same use.
struct FieldName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(intValue: Int) { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
}
