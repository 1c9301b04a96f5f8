internal import Base

/// Values that are found by their key, and by a number of four bytes which stands for the key in indexes.
///
/// A number is given to another key once its own is gone: whoever keeps numbers takes them out of his index before.
struct NumberedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    struct Entry: Sendable {
        let key: Key
        fileprivate(set) var value: Value

        fileprivate mutating func modify(_ body: (inout Value) -> Void) { body(&value) }
    }

    private var numbers: [Key: UInt32] = [:]
    private var slots: [Entry?] = []
    private var free: [UInt32] = []
    /// Behind the last number that is given to somebody.
    private var end = 0

    var count: Int { numbers.count }
    var isEmpty: Bool { numbers.isEmpty }
    /// For so many values there is room, as far as numbers go.
    var room: Int { slots.count }
    var entries: some Sequence<Entry> { slots.lazy.compactMap(\.self) }

    func number(of key: Key) -> UInt32? { numbers[key] }

    /// Nil for a number that is not given to anybody.
    subscript(number: UInt32) -> Entry? { slots.indices.contains(Int(number)) ? slots[Int(number)] : nil }

    /// The value of a key that may not be there.
    subscript(key: Key) -> Value? { numbers[key].flatMap { slots[Int($0)]?.value } }

    /// The number of a key, which has `value` from now on if it is new.
    mutating func insert(_ key: Key, _ value: @autoclosure () -> Value) -> UInt32 {
        if let number = numbers[key] { return number }
        let number = free.popLast() ?? UInt32(slots.count)
        let entry = Entry(key: key, value: value())
        if Int(number) == slots.count { slots.append(entry) } else { slots[Int(number)] = entry }
        end = max(end, Int(number) + 1)
        numbers[key] = number
        return number
    }

    /// Changes a value where it is: taken out and put back, it would be copied with all that it holds. Nothing happens
    /// for a number that is not given to anybody.
    mutating func modify(_ number: UInt32, _ body: (inout Value) -> Void) {
        if slots.indices.contains(Int(number)) { slots[Int(number)]?.modify(body) }
    }

    mutating func remove(_ number: UInt32) {
        guard let entry = self[number] else { return }
        slots[Int(number)] = nil
        numbers.take(entry.key)
        free.append(number)
        while end > 0, slots[end - 1] == nil { end -= 1 }
        if end <= slots.count / 2 { giveBackRoom() }
    }

    /// Gives back what is free behind the last number that is given to somebody, and has the lowest ones given next.
    private mutating func giveBackRoom() {
        slots = Array(slots[..<end])
        free = free.filter { $0 < end }.sorted(by: >)
    }
}
