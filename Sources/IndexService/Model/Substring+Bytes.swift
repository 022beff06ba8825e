// Targets of requests are looked at byte by byte: looking at their characters took a fifth of a
// hit's instructions (PERFORMANCE.md, "Where a hit's time goes").

extension Substring {
    /// The index of the first such byte, which is one of ASCII.
    func firstIndex(ofByte byte: UInt8) -> Index? {
        firstIndex(whereByte: { $0 == byte })
    }

    /// The index of the first byte that is wanted; only those of ASCII may be.
    @inline(__always)
    func firstIndex(whereByte isWanted: (UInt8) -> Bool) -> Index? {
        let bytes = utf8.span
        for offset in bytes.indices where isWanted(bytes[offset]) {
            return utf8.index(startIndex, offsetBy: offset)
        }
        return nil
    }

    /// Whether it holds such a byte, which is one of ASCII.
    func contains(byte: UInt8) -> Bool {
        firstIndex(ofByte: byte) != nil
    }

    /// - Parameter ignoringCase: whether letters of ASCII may be capital ones; those of `prefix`
    ///   are small.
    func begins(withBytesOf prefix: StaticString, ignoringCase: Bool = false) -> Bool {
        let bytes = utf8.span
        guard bytes.count >= prefix.utf8CodeUnitCount else { return false }
        for offset in 0..<prefix.utf8CodeUnitCount {
            let byte = bytes[offset]
            guard (ignoringCase ? byte.asciiLowercased : byte) == prefix.utf8Start[offset] else {
                return false
            }
        }
        return true
    }

    func hasOnlyBytes(where isAllowed: (UInt8) -> Bool) -> Bool {
        let bytes = utf8.span
        for offset in bytes.indices where !isAllowed(bytes[offset]) { return false }
        return true
    }

    /// All of it behind so many bytes of ASCII, which it has.
    func dropping(bytes count: Int) -> Substring {
        self[utf8.index(startIndex, offsetBy: count)...]
    }

    /// The first so many bytes of it, which it has, and behind which a character begins.
    func prefix(bytes count: Int) -> Substring {
        self[..<utf8.index(startIndex, offsetBy: count)]
    }

    /// What follows `prefix`, where that is one segment of a path; nil otherwise.
    func segment(behind prefix: StaticString) -> String? {
        guard begins(withBytesOf: prefix) else { return nil }
        let segment = dropping(bytes: prefix.utf8CodeUnitCount)
        return segment.contains(byte: UInt8(ascii: "/")) ? nil : String(segment)
    }
}
