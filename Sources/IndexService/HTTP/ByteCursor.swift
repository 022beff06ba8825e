/// Writes pieces one after another into memory that was reserved for all of them.
///
/// The fifteen pieces of a head, each written by a call of `ByteBuffer` of its own, were a tenth of
/// a hit. A piece that does not fit traps: who reserves knows the longest head there can be.
struct ByteCursor {
    private let memory: UnsafeMutableRawBufferPointer
    /// Bytes written so far.
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    @inline(__always)
    mutating func write(literal text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func write(_ text: String) {
        text.utf8.span.withUnsafeBytes { write($0) }
    }

    mutating func write(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { write($0) }
    }

    /// Writes an integer as it lies in memory on a little-endian machine.
    @inline(__always)
    mutating func write(littleEndian integer: some FixedWidthInteger) {
        withUnsafeBytes(of: integer.littleEndian) { write($0) }
    }

    /// Writes a number of at least zero in decimal digits.
    mutating func write(decimal number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            write(littleEndian: UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    @inline(__always)
    private mutating func write(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= memory.count - count, "too little was reserved for an answer")
        guard let source = bytes.baseAddress, let target = memory.baseAddress else { return }
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }
}
