/// Random values that a seed repeats everywhere: a failing property prints its seed.
///
/// SplitMix64 (Steele, Lea and Flood 2014).
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    package mutating func int(in range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &self)
    }

    /// A number below a positive bound; the bias of the remainder is of no concern here.
    package mutating func below(_ bound: Int) -> Int {
        Int(next() % UInt64(max(1, bound)))
    }

    /// A number from 0 up to 1.
    package mutating func fraction() -> Double {
        Double(next() >> 11) / Double(1 << 53)
    }

    /// Whether an event of this probability happens.
    package mutating func happens(_ probability: Double) -> Bool {
        probability > 0 && fraction() < probability
    }

    /// True once in `count` draws.
    package mutating func oneIn(_ count: Int) -> Bool {
        int(in: 1...count) == 1
    }

    package mutating func bytes(count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    /// Text made of the characters of an alphabet.
    package mutating func text(of alphabet: String, count: Int) -> String {
        let bytes = Array(alphabet.utf8)
        let drawn = (0..<count).map { _ in bytes[int(in: 0...bytes.count - 1)] }
        return String(decoding: drawn, as: UTF8.self)
    }

    /// One of the elements, of which there must be some.
    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[int(in: 0...elements.count - 1)]
    }
}
