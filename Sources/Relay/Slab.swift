/// Values at stable addresses, named by index and generation: the connections of a worker.
///
/// Memory comes in chunks, so growing neither moves nor doubles anything; a freed entry is used again before a new one.
/// A name that outlived its value no longer resolves, which is what makes late events harmless.
struct Slab<Element: ~Copyable>: ~Copyable {
    /// Fits the tokens of the event loop: see ``Token``.
    struct ID: Hashable {
        let index: UInt32
        let generation: UInt32
    }

    /// Generations wrap here, at 24 bits.
    static var generationMask: UInt32 { 0xFF_FFFF }
    private static var chunkSize: Int { 64 }

    private var chunks: [UnsafeMutablePointer<Element>] = []
    /// Per entry: its generation, odd while it is in use.
    private var generations: [UInt32] = []
    private var free: [UInt32] = []
    private(set) var count = 0

    init() {}

    deinit {
        for index in generations.indices where generations[index] & 1 == 1 {
            address(UInt32(index)).deinitialize(count: 1)
        }
        for chunk in chunks { chunk.deallocate() }
    }

    mutating func insert(_ element: consuming Element) -> ID {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(generations.count)
            generations.append(0)
            if Int(index) / Self.chunkSize == chunks.count { chunks.append(.allocate(capacity: Self.chunkSize)) }
        }
        address(index).initialize(to: element)
        generations[Int(index)] = (generations[Int(index)] + 1) & Self.generationMask
        count += 1
        return ID(index: index, generation: generations[Int(index)])
    }

    /// Where the value named `id` is, or nil if it is gone. The address is good until it is removed.
    @inline(__always)
    func find(_ id: ID) -> UnsafeMutablePointer<Element>? {
        guard id.index < generations.count, generations[Int(id.index)] == id.generation else { return nil }
        return address(id.index)
    }

    /// Ends the value named `id`, if it is still there.
    mutating func remove(_ id: ID) {
        guard let element = find(id) else { return }
        element.deinitialize(count: 1)
        generations[Int(id.index)] = (id.generation + 1) & Self.generationMask
        free.append(id.index)
        count -= 1
    }

    /// The names of all values.
    var ids: [ID] {
        var ids: [ID] = []
        ids.reserveCapacity(count)
        for index in generations.indices where generations[index] & 1 == 1 {
            ids.append(ID(index: UInt32(index), generation: generations[index]))
        }
        return ids
    }

    /// The name of the next value after the entry at `index`, in a circle; nil if there is none.
    func next(after index: UInt32) -> ID? {
        guard count > 0 else { return nil }
        var index = index
        repeat {
            index = Int(index) + 1 < generations.count ? index + 1 : 0
        } while generations[Int(index)] & 1 == 0
        return id(at: index)
    }

    /// Where the entry at `index` is, whatever its generation; it must be in use.
    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<Element> { address(index) }

    /// The name of the entry at `index`, which must be in use.
    func id(at index: UInt32) -> ID {
        ID(index: index, generation: generations[Int(index)])
    }

    @inline(__always)
    private func address(_ index: UInt32) -> UnsafeMutablePointer<Element> {
        chunks[Int(index) / Self.chunkSize] + Int(index) % Self.chunkSize
    }
}
