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
    func text(_ name: String) throws(Problem) -> String? {
        var found: String?
        for pair in query.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves[0] == name else { continue }
            guard found == nil else {
                throw Problem(.badRequest, "the parameter \(name) is given twice")
            }
            found = try decode(halves.count == 2 ? halves[1] : "", of: name)
        }
        return found
    }

    /// A whole number of at least `minimum`; larger than `maximum` is clamped to it.
    func number(_ name: String, from minimum: Int, clampedTo maximum: Int) throws(Problem) -> Int? {
        guard let text = try text(name) else { return nil }
        // Only digits that are too many for an `Int` do not make one: larger than any maximum.
        let number = Int(text) ?? .max
        guard !text.isEmpty, text.utf8.allSatisfy(\.isASCIIDigit), number >= minimum else {
            throw Problem(.badRequest, "\(name) must be a whole number from \(minimum)")
        }
        return min(number, maximum)
    }

    /// `true` or `false`.
    func flag(_ name: String) throws(Problem) -> Bool {
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

    private func decode(_ text: Substring, of name: String) throws(Problem) -> String {
        do {
            return try PercentDecoding.decode(text)
        } catch {
            throw Problem(.badRequest, "\(name): \(error.description)")
        }
    }
}
