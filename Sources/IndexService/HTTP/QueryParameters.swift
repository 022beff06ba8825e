/// The query part of a request target: the parameters we know, checked (contract, section 3.1).
///
/// Unknown parameters are ignored. A known one given twice is refused, since either could be meant.
struct QueryParameters {
    private let query: Substring

    /// Splits a request target at its first question mark.
    static func split(_ target: some StringProtocol) -> (path: Substring, query: Substring) {
        let target = Substring(target)
        guard let mark = target.firstIndex(ofByte: UInt8(ascii: "?")) else {
            return (target, "")
        }
        return (target[..<mark], target[mark...].dropping(bytes: 1))
    }

    init(_ query: Substring) {
        self.query = query
    }

    var isEmpty: Bool { query.isEmpty }

    /// The decoded value of `name`; nil when it is not given.
    func text(_ name: StaticString) throws(Problem) -> String? {
        var found: Range<Int>?
        var start = 0
        // Anybody may send any number of pairs, and they are looked at on the event loop.
        let bytes = query.utf8.span
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "&") { end += 1 }
            if let value = Self.value(of: name, inPair: start..<end, of: bytes) {
                guard found == nil else {
                    throw Problem(.badRequest, "the parameter \(name) is given twice")
                }
                found = value
            }
            start = end + 1
        }
        guard let found else { return nil }
        let value = query.dropping(bytes: found.lowerBound).prefix(bytes: found.count)
        return try decode(value, of: name)
    }

    /// Where the value of a pair is, if its name is this one; without `=` it is empty.
    private static func value(
        of name: StaticString,
        inPair pair: Range<Int>,
        of bytes: Span<UInt8>
    ) -> Range<Int>? {
        let nameEnd = pair.lowerBound + name.utf8CodeUnitCount
        guard nameEnd <= pair.upperBound else { return nil }
        for offset in 0..<name.utf8CodeUnitCount
        where bytes[pair.lowerBound + offset] != name.utf8Start[offset] {
            return nil
        }
        if nameEnd == pair.upperBound { return nameEnd..<nameEnd }
        return bytes[nameEnd] == UInt8(ascii: "=") ? nameEnd + 1..<pair.upperBound : nil
    }

    /// A whole number of at least `minimum`; larger than `maximum` is clamped to it.
    func number(
        _ name: StaticString,
        from minimum: Int,
        clampedTo maximum: Int
    ) throws(Problem) -> Int? {
        guard let text = try text(name) else { return nil }
        // Only digits that are too many for an `Int` do not make one: larger than any maximum.
        let number = Int(text) ?? .max
        guard !text.isEmpty, text.utf8.allSatisfy(\.isASCIIDigit), number >= minimum else {
            throw Problem(.badRequest, "\(name) must be a whole number from \(minimum)")
        }
        return min(number, maximum)
    }

    /// `true` or `false`.
    func flag(_ name: StaticString) throws(Problem) -> Bool {
        switch try text(name) {
        case nil, "false": false
        case "true": true
        default: throw Problem(.badRequest, "\(name) must be true or false")
        }
    }

    func region() throws(Problem) -> Region? {
        guard let text = try text("region") else { return nil }
        do {
            return try Region(parsing: text)
        } catch {
            throw Problem(error)
        }
    }

    private func decode(_ text: Substring, of name: StaticString) throws(Problem) -> String {
        do {
            return try PercentDecoding.decode(text)
        } catch {
            throw Problem(.badRequest, "\(name): \(error.description)")
        }
    }
}
