/// Finds where values begin and end in JSON that comes in pieces: a value that is stepped through the bytes, each once.
///
/// It knows no more of JSON than brackets and quotes; whether a value is right is found out when it is read.
struct JSONScan {
    enum Form {
        /// Objects one behind the other, with white space between them or without.
        case values
        /// One object, of whose field `items` the elements are wanted.
        case list
    }

    enum Found: Equatable {
        /// All that there is has been looked at.
        case nothing
        /// A value that is wanted.
        case value(Range<Int>)
        /// The place of the bracket.
        case itemsBegan(Int)
        case itemsEnded(Int)
        /// Something that is no JSON stands here.
        case rubbish(Int)
    }

    let form: Form
    /// Everything before it has been looked at.
    private(set) var position = 0
    /// Where the value under way begins.
    private(set) var start: Int?
    private(set) var isInText = false
    private(set) var textStart = 0
    /// Of a list: that its object has ended.
    private(set) var isComplete = false
    private var isEscaped = false
    private var depth = 0
    /// How deep the values that are wanted stand; nil where none are.
    private var level: Int?
    /// The text that ended last was `items`.
    private var isItemsNext = false
    private var hadItems = false

    init(_ form: Form) {
        self.form = form
        level = form == .values ? 0 : nil
    }

    var isInItems: Bool { form == .list && level != nil }

    /// The first bytes are there no longer.
    mutating func forget(_ count: Int) {
        position -= count
        textStart -= count
        start = start.map { $0 - count }
    }

    /// The bytes of the value under way are not needed.
    mutating func dropValue() { start = position }

    mutating func next(in text: UnsafeBufferPointer<UInt8>) -> Found {
        while position < text.count {
            if isInText {
                if let found = passText(text) { return found }
                continue
            }
            switch text[position] {
            case 0x20, 0x09, 0x0A, 0x0D:
                if let value = endOfScalar() { return value }
                position += 1
            case UInt8(ascii: "\""):
                guard depth > 0 else { return .rubbish(position) }
                if depth == level, start == nil { start = position }
                isInText = true
                position += 1
                textStart = position
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if let found = open(text[position]) { return found }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if let value = endOfScalar() { return value }
                if let found = close() { return found }
            case UInt8(ascii: ","):
                if let value = endOfScalar() { return value }
                guard depth > 0 else { return .rubbish(position) }
                position += 1
            default:
                guard depth > 0 else { return .rubbish(position) }
                if depth == level, start == nil { start = position }
                position += 1
            }
        }
        return .nothing
    }

    /// Goes to the end of a text, or of what there is.
    private mutating func passText(_ text: UnsafeBufferPointer<UInt8>) -> Found? {
        if isEscaped {
            isEscaped = false
            position += 1
            return nil
        }
        while position < text.count, text[position] != UInt8(ascii: "\""), text[position] != UInt8(ascii: "\\"),
            text[position] != 0x0A
        {
            position += 1
        }
        guard position < text.count else { return nil }
        let byte = text[position]
        if byte == 0x0A, form == .values, let start {
            // No text of JSON has a line break, so a quote is missing. Values stand on lines of their own: the next can
            // be read.
            defer { (self.start, depth, isInText) = (nil, 0, false) }
            return .value(start..<position)
        }
        position += 1
        isEscaped = byte == UInt8(ascii: "\\")
        guard byte == UInt8(ascii: "\"") else { return nil }
        isInText = false
        if form == .list, depth == 1 { isItemsNext = text[textStart..<(position - 1)].elementsEqual("items".utf8) }
        return endOfScalar()
    }

    private mutating func open(_ bracket: UInt8) -> Found? {
        if depth == 0 {
            guard bracket == UInt8(ascii: "{"), !isComplete else { return .rubbish(position) }
        }
        if form == .list, depth == 1, bracket == UInt8(ascii: "["), isItemsNext, !hadItems {
            (depth, level, hadItems) = (2, 2, true)
            position += 1
            return .itemsBegan(position - 1)
        }
        if depth == level, start == nil { start = position }
        isItemsNext = false
        depth += 1
        position += 1
        return nil
    }

    private mutating func close() -> Found? {
        guard depth > 0 else { return .rubbish(position) }
        position += 1
        if isInItems, depth == level {
            (depth, level) = (1, nil)
            return .itemsEnded(position - 1)
        }
        depth -= 1
        isComplete = form == .list && depth == 0
        return endOfValue(at: position)
    }

    /// A number or a word among the elements of a list ends with what comes behind it, a text with its quote.
    private mutating func endOfScalar() -> Found? { endOfValue(at: position) }

    private mutating func endOfValue(at end: Int) -> Found? {
        guard depth == level, let start else { return nil }
        self.start = nil
        return .value(start..<end)
    }
}
