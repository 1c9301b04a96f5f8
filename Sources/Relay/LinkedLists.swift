/// Doubly linked lists of entries that are kept elsewhere, by number, each in one list at most: what waits or was used
/// in an order. Every operation takes constant time.
struct LinkedLists {
    typealias Entry = Int32

    struct List {
        /// Less than 0 if there is none.
        fileprivate(set) var first: Entry = -1
        fileprivate(set) var last: Entry = -1
        fileprivate(set) var count = 0
    }

    private struct Links {
        var previous: Entry = -1
        var next: Entry = -1
    }

    /// By entry.
    private var links: [Links] = []

    /// Appends an entry that is in no list.
    @inline(__always)
    mutating func append(_ entry: Entry, to list: inout List) {
        while links.count <= entry { links.append(Links()) }
        links[Int(entry)] = Links(previous: list.last)
        if list.last < 0 { list.first = entry } else { links[Int(list.last)].next = entry }
        list.last = entry
        list.count += 1
    }

    /// Takes an entry out of the list that it is in.
    @inline(__always)
    mutating func remove(_ entry: Entry, from list: inout List) {
        let own = links[Int(entry)]
        if own.previous < 0 { list.first = own.next } else { links[Int(own.previous)].next = own.next }
        if own.next < 0 { list.last = own.previous } else { links[Int(own.next)].previous = own.previous }
        list.count -= 1
    }
}
