/// What `Rounds.swift` computes on in this module: a word of sixteen inputs at once.
typealias Lanes = SIMD16<UInt32>

/// The same bits as `Lanes`, for moving words two by two.
typealias Pairs = SIMD8<UInt64>

extension SIMD16<UInt32> {
    /// Lane `n` holds `n`.
    @inline(__always)
    static var ascending: Self { Self(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) }

    /// Joins `part(0)`, `part(1)`, …: four lanes from each.
    @inline(__always)
    init(joining part: (Int) -> SIMD4<UInt32>) {
        self.init(
            lowHalf: SIMD8(lowHalf: part(0), highHalf: part(1)),
            highHalf: SIMD8(lowHalf: part(2), highHalf: part(3))
        )
    }

    /// Hands out four lanes at a time, with the number of the part.
    @inline(__always)
    func forEachPart(_ body: (Int, SIMD4<UInt32>) -> Void) {
        body(0, lowHalf.lowHalf)
        body(1, lowHalf.highHalf)
        body(2, highHalf.lowHalf)
        body(3, highHalf.highHalf)
    }
}

/// The pairs at even places, from `x` and `y` in turn.
@inline(__always)
func evenPairs(_ x: Pairs, _ y: Pairs) -> Pairs {
    Pairs(x[0], y[0], x[2], y[2], x[4], y[4], x[6], y[6])
}

/// The pairs at odd places, from `x` and `y` in turn.
@inline(__always)
func oddPairs(_ x: Pairs, _ y: Pairs) -> Pairs {
    Pairs(x[1], y[1], x[3], y[3], x[5], y[5], x[7], y[7])
}
