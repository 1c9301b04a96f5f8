internal import CZlib

// All header blocks of one direction are one stream of zlib: none can be read without those before it, not even without
// those of streams that nobody cares about.

/// Packs the header blocks of one direction.
final class HeaderDeflater {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // A window of 2 KiB, which holds the dictionary: with one of 32 KiB each tunnel would take 256 KiB for headers.
        // Only a lack of memory fails here, and a stream that has not begun packs nothing: see `pack`.
        deflateInit2_(
            stream, Z_BEST_COMPRESSION, Z_DEFLATED, 11, 1, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        deflateSetDictionary(stream, SPDYDictionary.bytes, UInt32(SPDYDictionary.bytes.count))
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func pack(_ block: [UInt8]) -> [UInt8] {
        // Blocks here have three short headers; this is more than their worst.
        var packed = [UInt8](repeating: 0, count: block.count * 2 + 128)
        var input = block
        let count = packed.withUnsafeMutableBufferPointer { output in
            input.withUnsafeMutableBufferPointer { input in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                deflate(stream, Z_SYNC_FLUSH)
                return output.count - Int(stream.pointee.avail_out)
            }
        }
        return Array(packed[..<count])
    }
}

/// Unpacks the header blocks of one direction.
final class HeaderInflater {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// - Parameter limit: of bytes that come out. A few packed bytes can become millions.
    func unpack(_ packed: [UInt8], limit: Int) throws(SPDYError) -> [UInt8] {
        var input = packed
        var isWhole = false
        let block = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
            input.withUnsafeMutableBufferPointer { input in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                var status = inflate(stream, Z_SYNC_FLUSH)
                if status == Z_NEED_DICT {
                    guard
                        inflateSetDictionary(
                            stream, SPDYDictionary.bytes, UInt32(SPDYDictionary.bytes.count)) == Z_OK
                    else { return }
                    status = inflate(stream, Z_SYNC_FLUSH)
                }
                // It has no more to do with an empty input, which is no error here.
                isWhole =
                    (status == Z_OK || status == Z_BUF_ERROR) && stream.pointee.avail_in == 0
                    && stream.pointee.avail_out > 0
                count = output.count - Int(stream.pointee.avail_out)
            }
        }
        guard isWhole else { throw .headers }
        return block
    }
}
