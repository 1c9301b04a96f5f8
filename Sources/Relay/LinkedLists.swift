/// Doubly linked lists of the entries of a ``FlowTable``, each entry in one list at most. Every operation takes constant time.
struct EntryLists {
    struct List {
        var first: FlowTable.Entry = -1
        var last: FlowTable.Entry = -1
        var count = 0
    }

    private struct Links {
        var previous: FlowTable.Entry = -1
        var next: FlowTable.Entry = -1
    }

    /// By entry.
    private var links: [Links] = []

    /// Appends an entry that is in no list.
    mutating func append(_ entry: FlowTable.Entry, to list: inout List) {
        while links.count <= entry { links.append(Links()) }
        links[Int(entry)] = Links(previous: list.last)
        if list.last < 0 { list.first = entry } else { links[Int(list.last)].next = entry }
        list.last = entry
        list.count += 1
    }

    /// Takes an entry out of the list that it is in.
    mutating func remove(_ entry: FlowTable.Entry, from list: inout List) {
        let own = links[Int(entry)]
        if own.previous < 0 { list.first = own.next } else { links[Int(own.previous)].next = own.next }
        if own.next < 0 { list.last = own.previous } else { links[Int(own.next)].previous = own.previous }
        list.count -= 1
    }
}
