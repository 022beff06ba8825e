/// The id that ties a request, its log line and its answer together (`X-Corr-ID`).
enum CorrelationID {
    static let header = "X-Corr-ID"

    /// Whether a caller's id is taken as it is: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    static func isAcceptable(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || punctuation.contains($0) }
    }

    private static let punctuation = Array("._-".utf8)
}

/// Makes ULIDs, one generator per event loop.
///
/// 48 bits of milliseconds, then 80 bits that are random at first and count up, in Crockford's base
/// 32: no lock, and no call to the system's generator per request.
struct ULIDGenerator {
    private var high: UInt16
    private var low: UInt64

    init(using random: inout some RandomNumberGenerator) {
        high = random.next()
        low = random.next()
    }

    /// - Parameter milliseconds: wall-clock time since 1970.
    mutating func next(atMilliseconds milliseconds: UInt64) -> String {
        let (sum, overflow) = low.addingReportingOverflow(1)
        low = sum
        if overflow { high &+= 1 }
        return String(unsafeUninitializedCapacity: 26) { text in
            // 130 bits in 26 digits; the two bits above the 48 of the time are zero.
            var time = milliseconds & 0xffff_ffff_ffff
            for index in stride(from: 9, through: 0, by: -1) {
                text[index] = Self.digit(time)
                time >>= 5
            }
            var (upper, lower) = (UInt64(high), low)
            for index in stride(from: 25, through: 10, by: -1) {
                text[index] = Self.digit(lower)
                lower = lower >> 5 | upper << 59
                upper >>= 5
            }
            return 26
        }
    }

    /// Crockford's digits: no I, L, O or U.
    private static func digit(_ bits: UInt64) -> UInt8 {
        alphabet.utf8Start[Int(bits & 31)]
    }

    private static let alphabet: StaticString = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
}
