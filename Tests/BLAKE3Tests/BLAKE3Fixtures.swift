import BLAKE3
import Foundation

/// The input of the official vectors: the bytes 0 to 250, over and over.
func makeInput(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8($0 % 251) }
}

/// A hasher that has read `input` in pieces.
func makeHasher(
    _ hasher: ContentHasher = ContentHasher(),
    unit: VectorUnit = .best,
    reading input: [UInt8],
    inPiecesOf nextLength: () -> Int = { .max }
) -> ContentHasher {
    var hasher = hasher
    hasher.vectorUnit = unit
    var start = 0
    while start < input.count {
        let end = min(start + min(nextLength(), input.count), input.count)
        hasher.update(Array(input[start..<end]))
        start = end
    }
    return hasher
}

/// Lowercase hexadecimal digits.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The units that can be tested on this machine.
var availableUnits: [VectorUnit] { VectorUnit.allCases.filter(\.isSupported) }

/// A small generator (SplitMix64), so that a failing run can be repeated from its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
