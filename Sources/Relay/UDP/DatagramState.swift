internal import Base
internal import EventLoop

/// What a worker needs for UDP, with the flows themselves.
struct DatagramState: ~Copyable {
    var batch: DatagramBatch
    var flows = Slab<Flow>()
    /// For each slot, the next one of the same flow.
    var nextSlot = [Int16](repeating: -1, count: DatagramBatch.slots)
    /// The flows that the batch at hand touches, each once.
    var touched: [Slab<Flow>.ID] = []
    var run = RunCutter()
    /// Where the search for a service port with many flows stopped.
    var lastSampled: UInt32 = 0

    init() throws(SystemError) {
        batch = try DatagramBatch()
        touched.reserveCapacity(DatagramBatch.slots)
    }

    /// Appends `slot` to the flow's chain.
    @inline(__always)
    mutating func link(_ slot: Int, to flow: UnsafeMutablePointer<Flow>, _ id: Slab<Flow>.ID) {
        nextSlot[slot] = -1
        if flow.pointee.chain.isEmpty {
            flow.pointee.chain.first = Int16(slot)
            touched.append(id)
        } else {
            nextSlot[Int(flow.pointee.chain.last)] = Int16(slot)
        }
        flow.pointee.chain.last = Int16(slot)
    }
}
