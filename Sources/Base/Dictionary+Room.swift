/// Swift's own dictionaries keep their room for ever; after a whole cluster has gone that would be megabytes in each
/// table. All of this takes constant time on average.
extension Dictionary {
    /// Sets the value of a key, or takes it out.
    public mutating func replace(_ key: Key, with value: Value?) {
        if let value { self[key] = value } else { take(key) }
    }

    /// Takes out a value, if it is there, and gives back room once most entries have gone.
    @discardableResult
    public mutating func take(_ key: Key) -> Value? {
        guard let value = removeValue(forKey: key) else { return nil }
        giveBackRoom()
        return value
    }

    /// Gives back room if most entries have gone.
    public mutating func giveBackRoom() {
        guard capacity >= 1024, count < capacity / 8 else { return }
        var smaller = Dictionary(minimumCapacity: count)
        for (key, value) in self { smaller[key] = value }
        self = smaller
    }
}
