/// What `Rounds.swift` computes on in this module: one word, so one block at a time.
///
/// Plain integers rather than a vector of four: the four columns keep a modern processor's
/// integer units busy, and baseline x86-64 has no vector rotation (measured: 53 against 300 ns
/// a block).
typealias Lanes = UInt32

extension UInt32 {
    /// The spelling that vectors have, so that the rounds need no second version.
    @inline(__always)
    init(repeating word: UInt32) { self = word }
}

@inline(__always)
func rotatedRight(_ word: Lanes, by bits: UInt32) -> Lanes {
    (word &>> bits) | (word &<< (32 &- bits))
}
