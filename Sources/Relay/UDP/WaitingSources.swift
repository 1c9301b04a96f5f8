internal import EventLoop

/// The flows that wait for a first reply, by the address that they come from and in the order in which they were last
/// used. Every operation takes constant time.
///
/// Whoever sends from one address can send from any of its ports, and from any address of its IPv6 network.
struct WaitingSources {
    private struct Source {
        let address: UInt64
        var flows = LinkedLists.List()
    }

    private var sources: [Source] = []
    /// Numbers of sources that have no flows any more.
    private var free: [Int32] = []
    private var index: [UInt64: Int32] = [:]
    /// By entry: the number of its source.
    private var numbers: [Int32] = []
    private var lists = LinkedLists()

    func flows(from client: SocketAddress) -> LinkedLists.List {
        index[client.source].map { sources[Int($0)].flows } ?? LinkedLists.List()
    }

    mutating func add(_ entry: FlowTable.Entry, from client: SocketAddress) {
        let number = number(of: client.source)
        while numbers.count <= entry { numbers.append(-1) }
        numbers[Int(entry)] = number
        lists.append(entry, to: &sources[Int(number)].flows)
    }

    /// The flow has been used.
    mutating func renew(_ entry: FlowTable.Entry) {
        let number = Int(numbers[Int(entry)])
        lists.remove(entry, from: &sources[number].flows)
        lists.append(entry, to: &sources[number].flows)
    }

    mutating func remove(_ entry: FlowTable.Entry) {
        let number = numbers[Int(entry)]
        lists.remove(entry, from: &sources[Int(number)].flows)
        guard sources[Int(number)].flows.count == 0 else { return }
        index[sources[Int(number)].address] = nil
        free.append(number)
    }

    private mutating func number(of address: UInt64) -> Int32 {
        if let known = index[address] { return known }
        let number: Int32
        if let reused = free.popLast() {
            number = reused
            sources[Int(number)] = Source(address: address)
        } else {
            number = Int32(sources.count)
            sources.append(Source(address: address))
        }
        index[address] = number
        return number
    }
}

extension SocketAddress {
    /// An IPv4 address, or the network of an IPv6 address.
    fileprivate var source: UInt64 { isIPv6 ? high : low }
}
