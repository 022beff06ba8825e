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
