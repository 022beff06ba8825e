/// A `GET` or `HEAD` as nearly every client sends it, read from its bytes without the decoder.
///
/// The standard decoder makes an object of every header, of which a read needs next to none: it was
/// more than a quarter of a hit's instructions. What is taken here is a part of HTTP/1.1 in which
/// nothing is left to interpretation: a target in origin form, one `Host`, no body, nothing about
/// the connection but that it stays, each header on a line of its own in visible ASCII. Anything
/// else is nil, and the decoder's to judge. Whatever is taken the decoder and the screening take
/// for the same request (`PlainRequestTests` compares them on mutated heads).
struct PlainRequest: Equatable {
    /// The longest head that is looked at, in bytes.
    static let maximumBytes = 2048
    /// The most headers: the limits of screening and decoder count a few bytes more for each than
    /// it may have, together fewer than the request line has (`Screening.endpoint`).
    static let maximumFields = 24

    let isHead: Bool
    /// The request target as it came.
    let target: String
    /// What the client sent as `X-Corr-ID`, where that is acceptable.
    let correlationID: String?
    /// What the client sent as `If-None-Match`.
    let ifNoneMatch: String?
    /// The length of the head with the empty line at its end.
    let byteCount: Int

    /// The request at the start of `bytes`, behind which others may follow.
    init?(_ bytes: Span<UInt8>) {
        let bytes = bytes.extracting(first: Self.maximumBytes)
        var cursor = HeadCursor()
        if cursor.skip("GET ", in: bytes) {
            isHead = false
        } else if cursor.skip("HEAD ", in: bytes) {
            isHead = true
        } else {
            return nil
        }
        let target = cursor.skip(in: bytes, while: Self.isTargetByte)
        guard !target.isEmpty, bytes[target.lowerBound] == UInt8(ascii: "/"),
            cursor.skip(" HTTP/1.1\r\n", in: bytes),
            let fields = PlainFields(&cursor, bytes)
        else { return nil }
        self.target = String(ascii: bytes.extracting(target))
        correlationID = fields.correlationID.map { String(ascii: bytes.extracting($0)) }
        ifNoneMatch = fields.ifNoneMatch.map { String(ascii: bytes.extracting($0)) }
        byteCount = cursor.position
        if let correlationID, !CorrelationID.isAcceptable(correlationID) { return nil }
    }

    /// What a path and a query are made of (RFC 3986, sections 3.3 and 3.4).
    private static func isTargetByte(_ byte: UInt8) -> Bool {
        switch byte {
        case _ where byte.isASCIIAlphanumeric: true
        // %&'()*+,-./ and :;
        case UInt8(ascii: "%")...UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: ";"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "?"),
            UInt8(ascii: "@"), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

/// The headers of a plain request, as far as they mean anything to a read.
private struct PlainFields {
    var correlationID: Range<Int>?
    var ifNoneMatch: Range<Int>?
    private var hasHost = false
    private var saysKeepAlive = false

    /// Reads the headers and the empty line behind them; nil if any is not plain.
    init?(_ cursor: inout HeadCursor, _ bytes: Span<UInt8>) {
        var count = 0
        while !cursor.skip("\r\n", in: bytes) {
            count += 1
            guard count <= PlainRequest.maximumFields else { return nil }
            let name = cursor.skip(in: bytes, while: { $0.isTokenCharacter })
            guard !name.isEmpty, cursor.skip(":", in: bytes) else { return nil }
            _ = cursor.skip(" ", in: bytes)
            let value = cursor.skip(in: bytes, while: { (0x20...0x7e).contains($0) })
            guard cursor.skip("\r\n", in: bytes), take(name, value, bytes) else { return nil }
        }
        guard hasHost else { return nil }
    }

    /// False for a header that changes how the request is read, or that came before.
    private mutating func take(
        _ name: Range<Int>,
        _ value: Range<Int>,
        _ bytes: Span<UInt8>
    ) -> Bool {
        if bytes.isEqual(name, toSmall: "host") {
            defer { hasHost = true }
            return !hasHost && !value.isEmpty
                && value.allSatisfy { Screening.isHostByte(bytes[$0]) }
        } else if bytes.isEqual(name, toSmall: "x-corr-id") {
            defer { correlationID = value }
            return correlationID == nil && isTrimmed(value, bytes)
        } else if bytes.isEqual(name, toSmall: "if-none-match") {
            defer { ifNoneMatch = value }
            return ifNoneMatch == nil && isTrimmed(value, bytes)
        } else if bytes.isEqual(name, toSmall: "connection") {
            defer { saysKeepAlive = true }
            return !saysKeepAlive && bytes.isEqual(value, toSmall: "keep-alive")
        }
        return !bytes.isEqual(name, toSmall: "content-length")
            && !bytes.isEqual(name, toSmall: "transfer-encoding")
            && !bytes.isEqual(name, toSmall: "expect")
            && !bytes.isEqual(name, toSmall: "upgrade")
            && !bytes.isEqual(name, toSmall: "proxy-connection")
    }

    /// Whether there is a value, without blanks around it that would have to be taken off.
    private func isTrimmed(_ value: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        guard let first = value.first, let last = value.last else { return false }
        return bytes[first] != UInt8(ascii: " ") && bytes[last] != UInt8(ascii: " ")
    }
}

/// How far a head has been read, from its start to where it ends or stops being plain.
private struct HeadCursor {
    private(set) var position = 0

    /// Goes behind `text` if that comes next.
    @inline(__always)
    mutating func skip(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for offset in 0..<count where bytes[position + offset] != text.utf8Start[offset] {
            return false
        }
        position += count
        return true
    }

    /// Goes behind all bytes that come next and belong; where they are.
    @inline(__always)
    mutating func skip(in bytes: Span<UInt8>, while belongs: (UInt8) -> Bool) -> Range<Int> {
        let start = position
        while position < bytes.count, belongs(bytes[position]) { position += 1 }
        return start..<position
    }
}

extension Span<UInt8> {
    /// Whether the bytes there are those of `text`, capital letters taken for small ones.
    ///
    /// - Parameter text: small letters and hyphens.
    fileprivate func isEqual(_ range: Range<Int>, toSmall text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return range.allSatisfy {
            self[$0].asciiLowercased == text.utf8Start[$0 - range.lowerBound]
        }
    }
}

extension String {
    /// - Parameter bytes: only such of ASCII.
    fileprivate init(ascii bytes: Span<UInt8>) {
        self.init(unsafeUninitializedCapacity: bytes.count) { text in
            for index in bytes.indices { text[index] = bytes[index] }
            return bytes.count
        }
    }
}
