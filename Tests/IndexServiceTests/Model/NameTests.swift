import Randomness
import Testing

@testable import IndexService

@Suite struct NameTests {
    @Test func whatParsesIsWhatTheRulesAllow() {
        var accepted = 0
        for seed in 0..<6000 as Range<UInt64> {
            let bytes = candidate(seed: seed)
            let name = try? Name(parsing: bytes)
            #expect((name != nil) == isName(bytes), "seed \(seed): \(bytes)")
            if let name {
                accepted += 1
                #expect(Array(name.text.utf8) == folded(bytes), "seed \(seed)")
            }
        }
        // Both sides of the rule were tried.
        #expect((1000...5000).contains(accepted))
    }

    @Test func aNamePrintsAndParsesBackToItself() throws {
        for seed in 0..<2000 as Range<UInt64> {
            guard let name = try? Name(parsing: candidate(seed: seed)) else { continue }
            #expect(try Name(parsing: name.description) == name, "seed \(seed)")
            #expect(try Name(parsing: name.text.uppercased()) == name, "seed \(seed)")
        }
    }

    @Test func anyBytesAreANameOrAnErrorInWords() {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bytes = random.bytes(count: random.int(in: 0...300))
            do {
                _ = try Name(parsing: bytes)
                #expect(isName(bytes), "seed \(seed)")
            } catch {
                let words = error.description
                #expect(words.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [1, 2, 252, 253])
    func lengthsUpTo253BytesParse(_ length: Int) throws {
        #expect(try Name(parsing: String(repeating: "a", count: length)).text.utf8.count == length)
    }

    @Test(arguments: [254, 255, 100_000])
    func longerNamesAreRefusedByTheirLength(_ length: Int) {
        #expect(throws: KeyError.nameLength(length)) {
            try Name(parsing: String(repeating: "a", count: length))
        }
    }

    @Test func upperCaseIsFolded() throws {
        let name = try Name(parsing: "LibC6.EXAMPLE")
        #expect(name.text == "libc6.example")
        #expect(try name == Name(parsing: "libc6.example"))
        #expect(try name.hashValue == Name(parsing: "libc6.example").hashValue)
    }

    @Test func namesAreOrderedByTheirBytes() throws {
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let (left, right) = (try random.name(), try random.name())
            let isBefore = Array(left.text.utf8).lexicographicallyPrecedes(Array(right.text.utf8))
            #expect((left < right) == isBefore, "seed \(seed): \(left) \(right)")
        }
    }
}

/// Bytes that are a name about half of the time, or nearly one.
private func candidate(seed: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    let count = random.oneIn(20) ? random.int(in: 240...260) : random.int(in: 0...12)
    var bytes = Array(random.text(of: "abkzAKZ0189abcxyz-_+.", count: count).utf8)
    if random.oneIn(3), !bytes.isEmpty {
        bytes[random.int(in: 0...bytes.count - 1)] = random.pick(
            [0, 0x0A, 0x20, 0x25, 0x2F, 0x3A, 0x40, 0x5B, 0x60, 0x7B, 0x7F, 0x80, 0xC3, 0xFF]
        )
    }
    return bytes
}

private func folded(_ bytes: [UInt8]) -> [UInt8] {
    bytes.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
}

/// The rule of contract section 2 as a regular expression: an independent second opinion.
private func isName(_ bytes: [UInt8]) -> Bool {
    guard bytes.count <= 253, bytes.allSatisfy({ $0 < 0x80 }) else { return false }
    let text = String(decoding: folded(bytes), as: UTF8.self)
    return text.wholeMatch(of: /[a-z0-9][a-z0-9\-_+]*(\.[a-z0-9][a-z0-9\-_+]*)*/) != nil
}
