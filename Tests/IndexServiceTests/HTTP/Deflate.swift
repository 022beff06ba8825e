import CZlib
import Testing

/// zlib's own compression, in one step.
///
/// - Parameter windowBits: the format: 15 is zlib's, 15 + 16 gzip's, -15 none.
func makeDeflated(_ body: [UInt8], windowBits: Int32, level: Int32 = 6) throws -> [UInt8] {
    var stream = z_stream()
    let opened = deflateInit2_(
        &stream,
        level,
        Z_DEFLATED,
        windowBits,
        8,
        Z_DEFAULT_STRATEGY,
        ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)
    )
    try #require(opened == Z_OK)
    defer { deflateEnd(&stream) }
    var (input, output) = (body, [UInt8](repeating: 0, count: body.count + 1000))
    let status = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { room in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = room.baseAddress
            stream.avail_out = UInt32(room.count)
            return deflate(&stream, Z_FINISH)
        }
    }
    try #require(status == Z_STREAM_END)
    return Array(output.prefix(Int(stream.total_out)))
}
