/// The shortest decimal that reads back as a given double: `significand` x 10^`exponent`.
///
/// The digits are Swift's own (`Double.description` is shortest and round-trips); what is added is
/// their layout by ECMAScript (ECMA-262 Number::toString), which RFC 8785 section 3.2.2.3 demands.
struct JSONDecimal: Hashable {
    /// At most 17 digits, the last of them not zero.
    private(set) var significand: UInt64
    private(set) var exponent: Int

    /// Takes a double above zero that is finite.
    init(shortest magnitude: Double) {
        assert(magnitude > 0 && magnitude.isFinite)
        (significand, exponent) = (0, 0)
        var written = 0
        var (inFraction, inExponent, exponentIsNegative) = (false, false, false)
        for byte in magnitude.description.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let digit = byte &- UInt8(ascii: "0")
                if inExponent {
                    written = written &* 10 &+ Int(digit)
                } else {
                    significand = significand &* 10 &+ UInt64(digit)
                    exponent -= inFraction ? 1 : 0
                }
            case UInt8(ascii: "."): inFraction = true
            case UInt8(ascii: "e"): inExponent = true
            case UInt8(ascii: "-"): exponentIsNegative = true
            default: break
            }
        }
        exponent += exponentIsNegative ? -written : written
        dropTrailingZeros()
    }

    init(significand: UInt64, exponent: Int) {
        self.significand = significand
        self.exponent = exponent
        dropTrailingZeros()
    }

    /// The decimal with at most so many digits; halves go away from zero.
    func rounded(toDigits limit: Int) -> JSONDecimal {
        let surplus = DecimalDigits(significand).count - max(1, limit)
        guard surplus > 0 else { return self }
        var divisor: UInt64 = 1
        for _ in 0..<surplus { divisor &*= 10 }
        let (quotient, remainder) = significand.quotientAndRemainder(dividingBy: divisor)
        let rounded = quotient &+ (remainder >= divisor / 2 ? 1 : 0)
        return JSONDecimal(significand: rounded, exponent: exponent + surplus)
    }

    private mutating func dropTrailingZeros() {
        while significand != 0, significand.isMultiple(of: 10) {
            significand /= 10
            exponent += 1
        }
    }
}

/// The digits of an integer, as ASCII, on the stack.
struct DecimalDigits {
    private var digits = InlineArray<20, UInt8>(repeating: 0)
    private var start = 20

    init(_ number: UInt64) {
        var rest = number
        repeat {
            start -= 1
            digits[start] = UInt8(truncatingIfNeeded: rest % 10) &+ UInt8(ascii: "0")
            rest /= 10
        } while rest != 0
    }

    var count: Int { 20 - start }

    /// The digit at a place, counted from the most significant.
    subscript(place: Int) -> UInt8 { digits[start + place] }
}

extension [UInt8] {
    /// Appends a number as RFC 8785 section 3.2.2.3 writes it.
    mutating func appendCanonical(_ number: JSONNumber) {
        let magnitude = number.value.magnitude
        if number.value < 0 { append(UInt8(ascii: "-")) }
        if magnitude <= 0x1p53, let integer = UInt64(exactly: magnitude) {
            appendDecimal(integer)
        } else {
            append(JSONDecimal(shortest: magnitude))
        }
    }

    mutating func appendDecimal(_ integer: UInt64) {
        let digits = DecimalDigits(integer)
        append(digits, 0..<digits.count)
    }

    /// Lays digits out by ECMA-262 Number::toString: plain from 1e-6 up to below 1e21.
    mutating func append(_ decimal: JSONDecimal) {
        let digits = DecimalDigits(decimal.significand)
        let point = digits.count + decimal.exponent
        switch point {
        case digits.count...21 where decimal.exponent >= 0:
            append(digits, 0..<digits.count)
            appendZeros(decimal.exponent)
        case 1...21:
            append(digits, 0..<point)
            append(UInt8(ascii: "."))
            append(digits, point..<digits.count)
        case -5...0:
            append(UInt8(ascii: "0"))
            append(UInt8(ascii: "."))
            appendZeros(-point)
            append(digits, 0..<digits.count)
        default:
            appendScientific(digits, exponent: point - 1)
        }
    }

    private mutating func appendScientific(_ digits: DecimalDigits, exponent: Int) {
        append(digits[0])
        if digits.count > 1 {
            append(UInt8(ascii: "."))
            append(digits, 1..<digits.count)
        }
        append(UInt8(ascii: "e"))
        append(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        appendDecimal(UInt64(exponent.magnitude))
    }

    private mutating func append(_ digits: DecimalDigits, _ places: Range<Int>) {
        for place in places { append(digits[place]) }
    }

    private mutating func appendZeros(_ count: Int) {
        for _ in 0..<count { append(UInt8(ascii: "0")) }
    }
}
