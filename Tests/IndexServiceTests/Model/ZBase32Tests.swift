import Randomness
import Testing

@testable import IndexService

/// Keys as pkarr writes them, and content ids as IPFS writes them.
@Suite struct ZBase32Tests {
    @Test func whatIsEncodedDecodesToTheSameKey() {
        for seed in 0..<1000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let key = random.bytes(count: 32)
            let text = ZBase32.encode(key)
            #expect(text?.utf8.count == 52, "seed \(seed)")
            #expect(text.flatMap { ZBase32.decode($0.utf8) } == key, "seed \(seed)")
        }
    }

    @Test func aDecodedLabelEncodesToItself() throws {
        // The key of pkarr's documentation.
        let label = "o4dksfbqk85ogzdb5osziw6befigbuxmuxkuxq8434q89uj56uyy"
        let key = try #require(ZBase32.decode(label.utf8))
        #expect(key.count == 32)
        #expect(ZBase32.encode(key) == label)
    }

    @Test func onlyThirtyTwoBytesAreAKey() {
        #expect(ZBase32.encode([]) == nil)
        #expect(ZBase32.encode([UInt8](repeating: 0, count: 31)) == nil)
        #expect(ZBase32.decode("yyy".utf8) == nil)
        #expect(
            ZBase32.encode([UInt8](repeating: 0, count: 32)) == String(repeating: "y", count: 52)
        )
    }
}

/// CIDv1 of IPFS (multiformats): only those of BLAKE3 are ours.
@Suite struct ForeignContentIDTests {
    /// BLAKE3 of nothing, CIDv1, codec raw.
    private static let empty = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi"

    private func read(_ text: String) -> ContentID? { ContentID(cidV1: Array(text.utf8)[...]) }

    @Test func theContentIDOfNothingIsReadWhateverTheCodec() {
        #expect(read(Self.empty) == ContentID(of: []))
        // Version 1, codec 0x0129 in two bytes, multihash.
        let bytes: [UInt8] = [1, 0xA9, 2, 0x1E, 32] + ContentID(of: []).bytes
        #expect(read("b" + base32(bytes)) == ContentID(of: []))
    }

    @Test func everythingElseIsRefused() {
        let hash = ContentID(of: []).bytes
        #expect(read("") == nil)
        #expect(read("b") == nil)
        #expect(read(Self.empty + "a") == nil)
        #expect(read(Self.empty + "/index.html") == nil)
        #expect(read(String(Self.empty.dropLast())) == nil)
        #expect(read(Self.empty.uppercased()) == nil)
        // The last character carries padding bits, which must be zero.
        #expect(read(Self.empty.dropLast() + "j") == nil)
        let wrong: [[UInt8]] = [
            [1, 0x55, 0x12, 32], [0, 0x55, 0x1E, 32], [1, 0x55, 0x1E, 31], [1, 0xD5, 0, 0x1E, 32],
        ]
        for head in wrong { #expect(read("b" + base32(head + hash)) == nil, "\(head)") }
        let endless = [UInt8](repeating: 0x80, count: 10)
        #expect(read("b" + base32([1] + endless + [0x1E, 32] + hash)) == nil)
    }

    @Test func anyTextIsJudgedWithoutATrap() {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let count = random.int(in: 0...75)
            _ = read("b" + random.text(of: "abcdefghijklmnopqrstuvwxyz234567", count: count))
            _ = ContentID(cidV1: random.bytes(count: count)[...])
        }
    }
}

/// Base32 of RFC 4648 bit by bit: slow and plain.
private func base32(_ bytes: [UInt8]) -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
    var bits = bytes.flatMap { byte in (0..<8).map { Int(byte >> (7 - $0)) & 1 } }
    while bits.count % 5 != 0 { bits.append(0) }
    return String(
        stride(from: 0, to: bits.count, by: 5).map { start in
            alphabet[bits[start..<start + 5].reduce(0) { $0 * 2 + $1 }]
        }
    )
}
