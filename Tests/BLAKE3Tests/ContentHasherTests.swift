import Randomness
import BLAKE3
import Foundation
import Testing

@Suite struct ContentHasherTests {
    @Test func officialVectorsHoldInAllModesAndOnAllUnits() throws {
        let vectors = try OfficialVectors.load()
        let keyed = try #require(ContentHasher(key: Array(vectors.key.utf8)))
        let derived = ContentHasher(derivingKeyFor: vectors.context)
        #expect(vectors.cases.count == 35)
        for vector in vectors.cases {
            for unit in availableUnits {
                for (hasher, expected) in [
                    (ContentHasher(), vector.hash), (keyed, vector.keyedHash),
                    (derived, vector.deriveKey),
                ] {
                    let hasher = makeHasher(hasher, unit: unit, reading: vector.input)
                    let output = hex(hasher.finalize(count: expected.utf8.count / 2))
                    #expect(output == expected, "\(vector.inputLength) bytes, \(unit)")
                    #expect(hasher.finalize().hex == expected.prefix(64))
                }
            }
            #expect(Digest(hashing: vector.input).hex == vector.hash.prefix(64))
        }
    }

    @Test(arguments: [1, 20, 300, 4_711])
    func everySplitGivesTheHashOfTheWhole(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for unit in availableUnits {
            for longest in [65, 1_024, 2_500, 30_000] {
                let input = random.bytes(count: Int.random(in: 0..<40_000, using: &random))
                let whole = makeHasher(unit: .none, reading: input).finalize()
                let split = makeHasher(unit: unit, reading: input) {
                    Int.random(in: 0...longest, using: &random)
                }
                #expect(
                    split.finalize() == whole,
                    "seed \(seed), \(input.count) bytes, pieces up to \(longest), \(unit)"
                )
            }
        }
    }

    @Test func everyLengthAroundABoundaryIsTheSameOnAllUnits() {
        let input = makeInput(33 * 1_024 + 2)
        for chunks in [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33] {
            for length in (chunks * 1_024 - 1)...(chunks * 1_024 + 1) {
                let bytes = Array(input[..<length])
                let expected = makeHasher(unit: .none, reading: bytes) { 1_000 }.finalize()
                for unit in availableUnits {
                    let digest = makeHasher(unit: unit, reading: bytes).finalize()
                    #expect(digest == expected, "\(length) bytes, \(unit)")
                }
            }
        }
    }

    @Test func largeSubtreesAgreeWithSmallOnes() {
        let input = makeInput(300 * 1_024 + 5)
        let small = makeHasher(unit: .none, reading: input) { 1_024 }.finalize()
        for unit in availableUnits {
            #expect(makeHasher(unit: unit, reading: input).finalize() == small, "\(unit)")
        }
    }

    @Test func finalizingDoesNotEndTheInput() {
        let input = makeInput(5_000)
        var hasher = ContentHasher()
        for start in stride(from: 0, to: 5_000, by: 500) {
            #expect(hasher.finalize() == Digest(hashing: Array(input[..<start])))
            hasher.update(Array(input[start..<(start + 500)]))
        }
        #expect(hasher.finalize() == Digest(hashing: input))
    }

    @Test func copiesOfAHasherAreIndependent() {
        var first = makeHasher(reading: makeInput(3_000))
        let second = first
        first.update([1])
        #expect(first.finalize() == Digest(hashing: makeInput(3_000) + [1]))
        #expect(second.finalize() == Digest(hashing: makeInput(3_000)))
    }

    @Test func extendedOutputCanBeReadFromAnywhere() {
        let hasher = makeHasher(reading: makeInput(2_000))
        let output = hasher.finalize(count: 400)
        for seek in [0, 1, 31, 63, 64, 65, 128, 300] {
            for count in [0, 1, 64, 65, 100] {
                let part = hasher.finalize(count: count, seek: UInt64(seek))
                #expect(part == Array(output[seek..<(seek + count)]), "\(count) from \(seek)")
            }
        }
    }

    @Test func extendedOutputGoesOnBeyondA32BitCounter() {
        // From the authors' C library.
        let expected =
            "6300116a459bbbb227db0cdf9952a2ccff10e83701421d48d249234bbab4d3c3b6a2d5626dca8db8"
        let hasher = makeHasher(reading: Array("abc".utf8))
        #expect(hex(hasher.finalize(count: 40, seek: 1 << 38 - 8)) == expected)
    }

    @Test func extendedOutputEndsSafelyAtTheLastByte() {
        #expect(ContentHasher().finalize(count: 100, seek: .max - 10).count == 100)
    }

    @Test(arguments: [0, 31, 33])
    func keysOfAnotherLengthAreRefused(length: Int) {
        #expect(ContentHasher(key: makeInput(length)) == nil)
    }

    @Test func allWaysToGiveInputAgree() {
        let input = makeInput(3_333)
        var (array, span, rawSpan, buffer) = (
            ContentHasher(), ContentHasher(), ContentHasher(), ContentHasher()
        )
        array.update(input)
        span.update(input.span)
        rawSpan.update(input.span.bytes)
        input.withUnsafeBytes { buffer.update($0) }
        let digest = Digest(hashing: input)
        #expect(array.finalize() == digest && span.finalize() == digest)
        #expect(rawSpan.finalize() == digest && buffer.finalize() == digest)
    }
}
