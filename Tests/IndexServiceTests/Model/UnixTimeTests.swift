import Randomness
import Glibc
import Testing

@testable import IndexService

@Suite struct UnixTimeTests {
    /// Known dates, from `date -u -d @N`.
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_795_168_800, "2026-11-20T10:00:00Z"),
            (2_147_483_648, "2038-01-19T03:14:08Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ]
    )
    func knownDatesPrintAsRFC3339(_ seconds: Int64, _ text: String) {
        #expect(UnixTime(seconds: seconds).description == text)
    }

    /// Walks the years with the plain rule for leap years.
    @Test func theEdgesOfFebruaryAreRightInEveryYear() {
        var day: Int64 = 0
        for year in 1970...9999 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            func print(_ offset: Int64) -> String {
                UnixTime(seconds: (day + offset) * 86_400).description
            }
            #expect(print(0) == "\(year)-01-01T00:00:00Z")
            #expect(print(59) == "\(year)-\(isLeap ? "02-29" : "03-01")T00:00:00Z")
            #expect(print(isLeap ? 365 : 364) == "\(year)-12-31T00:00:00Z")
            day += isLeap ? 366 : 365
        }
    }

    @Test func itAgreesWithTheSystemsCalendar() {
        for seed in 0..<5000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let seconds = random.int(in: 0...253_402_300_799)
            #expect(
                UnixTime(seconds: Int64(seconds)).description == systemText(seconds),
                "seed \(seed)"
            )
        }
    }

    @Test(arguments: [Int64.min, .min + 1, -62_135_596_801, .max - 1, .max])
    func anyNumberPrintsWithoutATrap(_ seconds: Int64) {
        #expect(UnixTime(seconds: seconds).description.hasSuffix("Z"))
    }

    @Test func arithmeticStopsAtTheEnds() {
        let (first, last) = (UnixTime(seconds: .min), UnixTime(seconds: .max))
        #expect(last.advanced(bySeconds: 1) == last)
        #expect(UnixTime(seconds: 5).advanced(bySeconds: 7).seconds == 12)
        #expect(last.seconds(since: first) == .max)
        #expect(first.seconds(since: last) == 0)
        #expect(UnixTime(seconds: 5).seconds(since: UnixTime(seconds: 7)) == 0)
        #expect(UnixTime(seconds: 7).seconds(since: UnixTime(seconds: 5)) == 2)
    }

    private func systemText(_ seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 40)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
