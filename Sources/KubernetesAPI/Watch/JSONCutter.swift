/// Cuts JSON that comes in pieces into the values that are read one by one, wherever the pieces end: the events of a
/// watch, which stand one behind the other, or the elements of a list. It holds the value under way and no more.
struct JSONCutter {
    /// What cannot be cut any further.
    enum Failure: Error, Hashable {
        /// Neither an object nor white space, by how it begins.
        case noJSON(String)
        /// A value without end, or a list that has too much beside its elements.
        case endless
    }

    /// A value as it was cut. Its bytes are good until it has been taken.
    enum Piece {
        case whole(UnsafeBufferPointer<UInt8>)
        /// It was larger than values may be. It has gone, but for how it began.
        case tooLarge(UnsafeBufferPointer<UInt8>)
    }

    /// Larger values are skipped. etcd keeps objects of 1.5 MiB at most.
    static let largestValue = 8 << 20
    /// How much of a value is skipped before its end is not waited for any longer, in the size of the largest value.
    private static let patience = 8
    /// What a list may have beside its elements.
    static let largestEnvelope = 1 << 20
    /// As much of a value that is too large is kept: its name stands there.
    private var headSize: Int { min(largestValue, 1024) }

    private let largestValue: Int
    private var scan: JSONScan
    private var buffer: [UInt8] = []
    /// How the value under way began, if it is too large, and how much of it has been let go.
    private var head: [UInt8]?
    private var skipped = 0
    /// What a list has beside its elements.
    private(set) var envelope: [UInt8] = []
    /// What stands before it has been put there, or is nobody's.
    private var done = 0

    init(_ form: JSONScan.Form, largestValue: Int = Self.largestValue) {
        scan = JSONScan(form)
        self.largestValue = largestValue
    }

    /// In bytes.
    var held: Int { buffer.count + envelope.count }
    /// All of a list has come.
    var isComplete: Bool { scan.isComplete }

    /// Adds what has come. All values before are to be taken first.
    mutating func append(_ bytes: [UInt8]) {
        if done == buffer.count {
            // As a rule nothing is left over, and then nothing is copied.
            buffer = bytes
        } else {
            // What comes byte by byte is not to be moved with each of them.
            if done > 0 { buffer.removeFirst(done) }
            buffer += bytes
        }
        scan.forget(done)
        done = 0
    }

    /// Passes the next value to `body`.
    ///
    /// - Returns: nil if there is none until more has come.
    mutating func next<Value>(_ body: (Piece) -> Value) throws(Failure) -> Value? {
        while true {
            switch find() {
            case .nothing:
                try letGo()
                return nil
            case .value(let range):
                return pass(range, body)
            case .itemsBegan(let place):
                try keep(upTo: place + 1)
            case .itemsEnded(let place):
                done = place
            case .rubbish(let place):
                throw .noJSON(String(decoding: buffer[place...].prefix(80), as: UTF8.self))
            }
        }
    }

    private mutating func find() -> JSONScan.Found {
        var scan = scan
        defer { self.scan = scan }
        return buffer.withUnsafeBufferPointer { scan.next(in: $0) }
    }

    private mutating func pass<Value>(_ range: Range<Int>, _ body: (Piece) -> Value) -> Value {
        defer {
            done = range.upperBound
            (head, skipped) = (nil, 0)
        }
        if let head { return head.withUnsafeBufferPointer { body(.tooLarge($0)) } }
        return buffer.withUnsafeBufferPointer { text in
            guard range.count > largestValue else { return body(.whole(UnsafeBufferPointer(rebasing: text[range]))) }
            return body(.tooLarge(UnsafeBufferPointer(rebasing: text[range].prefix(headSize))))
        }
    }

    /// Lets go of what nobody will look at again, now that all has been looked at.
    private mutating func letGo() throws(Failure) {
        if let start = scan.start {
            done = start
            let size = scan.position - start
            guard head != nil || size > largestValue else { return }
            if head == nil { head = Array(buffer[start...].prefix(headSize)) }
            skipped += size
            guard skipped <= Self.patience * largestValue else { throw .endless }
            scan.dropValue()
            done = scan.position
        } else if scan.isInItems || isValues {
            done = scan.position
        } else {
            // A text stays whole, since it may be the name of the field.
            try keep(upTo: scan.isInText ? scan.textStart - 1 : scan.position)
            guard buffer.count - done <= Self.largestEnvelope else { throw .endless }
        }
    }

    private var isValues: Bool { scan.form == .values }

    private mutating func keep(upTo end: Int) throws(Failure) {
        envelope += buffer[done..<end]
        done = end
        guard envelope.count <= Self.largestEnvelope else { throw .endless }
    }
}
