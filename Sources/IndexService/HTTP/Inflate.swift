internal import CZlib

/// Why a compressed body was refused.
enum InflateError: Error, Equatable {
    case malformed
    case overCap(limit: Int)
    case overRatio(Int)
}

/// The content codings of request bodies (RFC 9110, section 8.4.1).
enum ContentCoding: Equatable {
    case identity
    case gzip
    /// The zlib format of RFC 1950, which is what HTTP means by the word.
    case deflate

    /// The coding that a `Content-Encoding` header names; nil for one, or a list, we do not take.
    init?(header: String?) {
        switch header?.lowercased() {
        case nil, "", "identity": self = .identity
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        default: return nil
        }
    }

    /// zlib's `windowBits`: 15 for the window, 16 more for the gzip wrapper.
    fileprivate var windowBits: Int32 {
        self == .gzip ? 15 + 16 : 15
    }
}

/// Inflates request bodies within two caps: a number of times their size, and a number of bytes.
///
/// The output buffer never grows past the smaller of the two, and a bomb is refused as soon as one
/// byte more comes out, so the work is bounded by the cap and not by what the body claims.
enum Inflate {
    static func inflate(
        _ body: [UInt8],
        coding: ContentCoding,
        maximumBytes: Int,
        maximumRatio: Int
    ) throws(InflateError) -> [UInt8] {
        if coding == .identity { return body }
        let (ratioCap, overflow) = body.count.multipliedReportingOverflow(by: maximumRatio)
        let cap = min(maximumBytes, overflow ? maximumBytes : ratioCap)
        var stream = z_stream()
        let opened = inflateInit2_(
            &stream,
            coding.windowBits,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard opened == Z_OK else { throw .malformed }
        defer { inflateEnd(&stream) }
        // One byte of room past the cap tells a body that fits exactly from one that goes on.
        var output = [UInt8](repeating: 0, count: cap + 1)
        let status = run(&stream, from: body, into: &output)
        let produced = Int(stream.total_out)
        if produced > cap {
            throw cap == maximumBytes ? .overCap(limit: maximumBytes) : .overRatio(maximumRatio)
        }
        // Bytes behind the end would be a second, unread body: refused rather than passed over.
        guard status == Z_STREAM_END, stream.avail_in == 0 else { throw .malformed }
        output.removeSubrange(produced...)
        return output
    }

    private static func run(
        _ stream: inout z_stream,
        from body: [UInt8],
        into output: inout [UInt8]
    ) -> Int32 {
        var body = body
        return body.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { room in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(clamping: input.count)
                stream.next_out = room.baseAddress
                stream.avail_out = UInt32(clamping: room.count)
                return CZlib.inflate(&stream, Z_FINISH)
            }
        }
    }
}
