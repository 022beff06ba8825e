import Randomness
import BLAKE3
import Testing

@Suite struct DigestTests {
    let abc = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"

    @Test func emptyInputHasTheKnownHash() {
        let expected = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        #expect(Digest(hashing: []).hex == expected)
        #expect(Digest(hashing: UnsafeRawBufferPointer(start: nil, count: 0)).hex == expected)
    }

    @Test func hexIsReadAndWritten() throws {
        let digest = Digest(hashing: Array("abc".utf8))
        #expect(digest.hex == abc && digest.description == abc)
        #expect(Digest(hex: abc) == digest)
        #expect(Digest(hex: "b3:\(abc)".dropFirst(3)) == digest)
        #expect(Digest(hex: Array(abc.utf8).span) == digest)
        var output = Array("b3:".utf8)
        digest.appendHex(to: &output)
        #expect(output == Array("b3:\(abc)".utf8))
    }

    @Test func onlyExactLowercaseHexIsADigest() {
        for text in [
            "", abc.uppercased(), String(abc.dropLast()), abc + "0", " " + abc.dropFirst(),
        ] {
            #expect(Digest(hex: text) == nil, "\(text)")
        }
        for wrong in ["g", "/", ":", "`", "G", "\0", "\u{7F}"] {
            #expect(Digest(hex: wrong + abc.dropFirst()) == nil, "\(wrong)")
            #expect(Digest(hex: abc.dropLast() + wrong) == nil, "\(wrong)")
        }
    }

    @Test func bytesAreTakenAndGivenAsTheyAre() {
        let bytes = Array(UInt8(200)...231)
        let digest = Digest(bytes: bytes)
        #expect(digest?.withUnsafeBytes { Array($0) } == bytes)
        #expect(digest == bytes.withUnsafeBytes { Digest(bytes: $0) })
        #expect(digest?.hex == hex(bytes))
    }

    @Test(arguments: [0, 31, 33])
    func otherLengthsAreNoDigest(length: Int) {
        #expect(Digest(bytes: makeInput(length)) == nil)
    }

    @Test func orderIsThatOfTheHexDigits() {
        var random = SeededRandom(seed: 7)
        var digests = (0..<300).map { _ in Digest(hashing: random.bytes(count: 4)) }
        for index in 0..<32 {
            var bytes = [UInt8](repeating: 0x80, count: 32)
            bytes[index] = 0x7F
            if let digest = Digest(bytes: bytes) { digests.append(digest) }
        }
        #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
    }

    @Test func equalDigestsHashAlike() {
        let digests = Set((0..<100).map { Digest(hashing: makeInput($0 % 50)) })
        #expect(digests.count == 50)
    }
}
