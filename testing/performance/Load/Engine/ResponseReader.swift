import Glibc

/// What matters of one response.
package struct ResponseFacts: Sendable, Equatable {
    package var status = 0
    /// `Cache-Status` said hit.
    package var hit = false
    /// The server closes the connection after it.
    package var closes = false
}

package enum ResponseError: Error {
    case malformed
}

/// Finds the ends of HTTP/1.1 responses in bytes that come in pieces, and skips their bodies.
package struct ResponseReader: Sendable {
    private enum Phase {
        case head
        case body(Int)
        case chunkSize(Int)
        case chunk(Int)
        case trailer(lineLength: Int)
        case untilClose
    }

    private static let longestHead = 64 << 10

    private var phase = Phase.head
    private var facts = ResponseFacts()
    /// The beginning of a head whose end has not come yet.
    private var head: [UInt8] = []

    package init() {}

    /// Whether the end of the connection is the proper end of the response under way.
    package var endsWithConnection: Bool { if case .untilClose = phase { true } else { false } }

    /// Whether nothing of the next response has come yet.
    package var isBetweenResponses: Bool { if case .head = phase { head.isEmpty } else { false } }

    package mutating func reset() {
        phase = .head
        head.removeAll(keepingCapacity: true)
    }

    /// Reads on from `offset`; the next complete response, or nil when the bytes are used up.
    package mutating func next(
        _ input: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) throws(ResponseError) -> ResponseFacts? {
        while true {
            switch phase {
            case .head:
                guard offset < input.count, try readHead(input, &offset) else { return nil }
                if case .body(0) = phase { return finish() }
            case .body(let left):
                let skipped = min(left, input.count - offset)
                offset += skipped
                phase = .body(left - skipped)
                guard skipped == left else { return nil }
                return finish()
            case .chunk(let left):
                let skipped = min(left, input.count - offset)
                offset += skipped
                phase = skipped == left ? .chunkSize(0) : .chunk(left - skipped)
                guard skipped == left else { return nil }
            case .chunkSize, .trailer:
                guard offset < input.count else { return nil }
                let byte = input[offset]
                offset += 1
                if try readChunkLine(byte) { return finish() }
            case .untilClose:
                offset = input.count
                return nil
            }
        }
    }

    private mutating func finish() -> ResponseFacts {
        phase = .head
        return facts
    }

    /// One byte of a chunk's size line or of the trailer; true at the response's end.
    private mutating func readChunkLine(_ byte: UInt8) throws(ResponseError) -> Bool {
        switch phase {
        case .chunkSize(let size) where byte == UInt8(ascii: "\n"):
            phase = size == 0 ? .trailer(lineLength: 0) : .chunk(size + 2)
        case .chunkSize(let size):
            if let digit = hexDigit(byte) {
                guard size < 1 << 40 else { throw .malformed }
                phase = .chunkSize(size << 4 | digit)
            } else if byte != UInt8(ascii: "\r") {
                throw .malformed
            }
        case .trailer(let length) where byte == UInt8(ascii: "\n"):
            if length == 0 { return true }
            phase = .trailer(lineLength: 0)
        case .trailer(let length):
            if byte != UInt8(ascii: "\r") { phase = .trailer(lineLength: length + 1) }
        default: break
        }
        return false
    }

    private func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 0x30
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte) - 0x57
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte) - 0x37
        default: nil
        }
    }

    /// True when a head is complete and judged.
    private mutating func readHead(
        _ input: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) throws(ResponseError) -> Bool {
        let rest = UnsafeRawBufferPointer(rebasing: input[offset...])
        if head.isEmpty, let end = try judgeHead(rest) {
            offset += end
            return true
        }
        let before = head.count
        head += rest
        guard before > 0 else {
            offset = input.count
            return false
        }
        // The array is taken out while it is read, so that it is not copied.
        let whole = head
        head = []
        let judged = whole.withUnsafeBytes { bytes in
            Result { () throws(ResponseError) in try judgeHead(bytes) }
        }
        guard let end = try judged.get() else {
            guard whole.count < Self.longestHead else { throw .malformed }
            head = whole
            offset = input.count
            return false
        }
        offset += end - before
        return true
    }

    /// Judges a head line by line; the number of its bytes, or nil when its end is not there yet.
    private mutating func judgeHead(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ResponseError) -> Int? {
        guard bytes.count >= 16, let base = bytes.baseAddress else { return nil }
        guard bytes[0] == UInt8(ascii: "H"), bytes[8] == UInt8(ascii: " ") else {
            throw .malformed
        }
        facts = ResponseFacts()
        facts.status = (0..<3).reduce(0) { $0 * 10 + (Int(bytes[9 + $1]) - 0x30) }
        guard (100..<600).contains(facts.status) else { throw .malformed }
        var length: Int?
        var chunked = false
        var start = 0
        while let found = memchr(base + start, 0x0A, bytes.count - start) {
            let end = UnsafeRawPointer(found) - base
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<max(start, end - 1)])
            start = end + 1
            if line.isEmpty {
                phase = bodyPhase(length: length, chunked: chunked)
                return start
            }
            try judge(line, &length, &chunked)
        }
        return nil
    }

    private func bodyPhase(length: Int?, chunked: Bool) -> Phase {
        if facts.status == 204 || facts.status == 304 { return .body(0) }
        if chunked { return .chunkSize(0) }
        return length.map { .body($0) } ?? .untilClose
    }

    private mutating func judge(
        _ line: UnsafeRawBufferPointer,
        _ length: inout Int?,
        _ chunked: inout Bool
    ) throws(ResponseError) {
        switch line[0] | 0x20 {
        case UInt8(ascii: "c"):
            if line.count > 15, hasName(line, "content-length") {
                var value = 0
                for byte in line[15...] where byte != UInt8(ascii: " ") {
                    guard (0x30...0x39).contains(byte), value < 1 << 40 else { throw .malformed }
                    value = value * 10 + Int(byte) - 0x30
                }
                length = value
            } else if hasName(line, "cache-status") {
                facts.hit = contains(line, "; hit")
            } else if hasName(line, "connection") {
                facts.closes = contains(line, "close")
            }
        case UInt8(ascii: "t"):
            if hasName(line, "transfer-encoding") { chunked = contains(line, "chunked") }
        default: break
        }
    }

    private func hasName(_ line: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        guard line.count > name.utf8CodeUnitCount, line[name.utf8CodeUnitCount] == 0x3A else {
            return false
        }
        return (0..<name.utf8CodeUnitCount).allSatisfy { line[$0] | 0x20 == name.utf8Start[$0] }
    }

    private func contains(_ line: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard line.count >= length else { return false }
        return (0...(line.count - length)).contains { start in
            (0..<length).allSatisfy { line[start + $0] == text.utf8Start[$0] }
        }
    }
}
