// Numbers become the nearest double, as RFC 8785 section 3.2.2.3 wants. A fraction may round, as
// it does everywhere; an integer may not: one whose canonical digits would differ from those
// written is refused, since a key that silently became another is worse than an error (RFC 8785
// appendix D: such integers are to be sent as strings).

extension JSONParser {
    /// The longest number, in characters, that is converted; the RFC leaves such limits to us.
    static let maximumNumberLength = 1024

    /// Reads a number from its first character.
    mutating func number(_ bytes: Span<UInt8>) throws(JSONError) -> JSONNumber {
        let start = position
        let isNegative = take(UInt8(ascii: "-"), bytes)
        var decimal = ScannedDecimal()
        try integerPart(&decimal, bytes)
        let isInteger = try !fractionAndExponent(&decimal, bytes)
        guard position - start <= Self.maximumNumberLength else {
            throw .syntax(.numberTooLong(limit: Self.maximumNumberLength), offset: start)
        }
        let magnitude =
            decimal.quickMagnitude ?? slowMagnitude(bytes.extracting(start..<position)).magnitude
        guard magnitude.isFinite else { throw .syntax(.numberTooGreat, offset: start) }
        if isInteger, !decimal.isKept(by: magnitude) {
            throw .syntax(.inexactInteger, offset: start)
        }
        return JSONNumber(finite: isNegative ? -magnitude : magnitude)
    }

    private mutating func integerPart(
        _ decimal: inout ScannedDecimal,
        _ bytes: Span<UInt8>
    ) throws(JSONError) {
        if take(UInt8(ascii: "0"), bytes) {
            if position < bytes.count, isDigit(bytes[position]) { throw failure(.leadingZero) }
        } else {
            try digits(bytes) { decimal.appendInteger($0) }
        }
    }

    /// Reads what follows the integer part; answers whether there was anything.
    private mutating func fractionAndExponent(
        _ decimal: inout ScannedDecimal,
        _ bytes: Span<UInt8>
    ) throws(JSONError) -> Bool {
        let start = position
        if take(UInt8(ascii: "."), bytes) {
            try digits(bytes) { decimal.appendFraction($0) }
        }
        if take(UInt8(ascii: "e"), bytes) || take(UInt8(ascii: "E"), bytes) {
            let isNegative = take(UInt8(ascii: "-"), bytes)
            if !isNegative { _ = take(UInt8(ascii: "+"), bytes) }
            var exponent = 0
            // Beyond this all exponents are alike: zero or too great.
            try digits(bytes) { exponent = min(exponent * 10 + Int($0), 100_000) }
            decimal.exponent += isNegative ? -exponent : exponent
        }
        return position > start
    }

    /// Reads one digit or more.
    private mutating func digits(
        _ bytes: Span<UInt8>,
        _ use: (UInt8) -> Void
    ) throws(JSONError) {
        let start = position
        while position < bytes.count, isDigit(bytes[position]) {
            use(bytes[position] &- UInt8(ascii: "0"))
            position += 1
        }
        guard position > start else { throw failureOrEnd(.missingDigits, bytes) }
    }

    /// The standard library's conversion, correct for every decimal; the grammar is checked.
    private func slowMagnitude(_ text: Span<UInt8>) -> Double {
        Double(String(copying: UTF8Span(unchecked: text))) ?? .infinity
    }
}

/// What was read of a number: its first 19 significant digits and a power of ten.
private struct ScannedDecimal {
    private var significand: UInt64 = 0
    private var count = 0
    /// Whether a digit other than zero did not fit.
    private var isCut = false
    var exponent = 0

    mutating func appendInteger(_ digit: UInt8) {
        if !append(digit) { exponent += 1 }
    }

    mutating func appendFraction(_ digit: UInt8) {
        if append(digit) { exponent -= 1 }
    }

    private mutating func append(_ digit: UInt8) -> Bool {
        guard count < 19 else {
            if digit != 0 { isCut = true }
            return false
        }
        significand = significand &* 10 &+ UInt64(digit)
        if significand != 0 { count += 1 }
        return true
    }

    /// The double, where one exact operation on exact operands gives it (Clinger 1990, section 3).
    var quickMagnitude: Double? {
        guard !isCut, significand <= 1 << 53 else { return nil }
        if significand == 0 || exponent == 0 { return Double(significand) }
        guard -22...22 ~= exponent else { return nil }
        let power = powersOfTen[Int(exponent.magnitude)]
        return exponent < 0 ? Double(significand) / power : Double(significand) * power
    }

    /// Whether an integer comes back with the digits it was written with.
    func isKept(by magnitude: Double) -> Bool {
        if magnitude <= 0x1p53, !isCut, exponent == 0, significand <= 1 << 53 { return true }
        guard !isCut, magnitude > 0 else { return false }
        return JSONDecimal(significand: significand, exponent: exponent)
            == JSONDecimal(shortest: magnitude)
    }
}

/// The powers of ten that a double holds exactly.
private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]

private func isDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10
}
