// Compiled into three modules: here with one lane, in AVX2/ with eight, in AVX512/ with sixteen.
// A linked file rather than a shared module, because code built for a wider processor must not
// leave symbols behind that a narrower build could share.

/// Four words of the hash state, or of a message, side by side in every lane.
struct Quad {
    var w0, w1, w2, w3: Lanes

    @inline(__always)
    init(_ w0: Lanes, _ w1: Lanes, _ w2: Lanes, _ w3: Lanes) {
        (self.w0, self.w1, self.w2, self.w3) = (w0, w1, w2, w3)
    }

    @inline(__always)
    static func ^ (x: Quad, y: Quad) -> Quad {
        Quad(x.w0 ^ y.w0, x.w1 ^ y.w1, x.w2 ^ y.w2, x.w3 ^ y.w3)
    }
}

/// The sixteen words of a block.
struct Message {
    /// Words 0 to 3, 4 to 7, 8 to 11 and 12 to 15.
    var q0, q1, q2, q3: Quad

    @inline(__always)
    init(_ q0: Quad, _ q1: Quad, _ q2: Quad, _ q3: Quad) {
        (self.q0, self.q1, self.q2, self.q3) = (q0, q1, q2, q3)
    }

    /// The words in the order of the next round: 2 6 3 10, 7 0 4 13, 1 11 12 5, 9 14 15 8
    /// (BLAKE3 paper, table 2).
    @inline(__always) var permuted: Message {
        Message(
            Quad(q0.w2, q1.w2, q0.w3, q2.w2),
            Quad(q1.w3, q0.w0, q1.w0, q3.w1),
            Quad(q0.w1, q2.w3, q3.w0, q1.w1),
            Quad(q2.w1, q3.w2, q3.w3, q2.w0)
        )
    }
}

/// The four rows of the compression function's state (BLAKE3 paper, section 2.2).
struct State {
    var a, b, c, d: Quad

    @inline(__always)
    init(
        _ low: Quad,
        _ high: Quad,
        counter: (low: Lanes, high: Lanes),
        length: UInt32,
        flags: UInt32
    ) {
        a = low
        b = high
        c = Quad(
            Lanes(repeating: 0x6A09_E667),
            Lanes(repeating: 0xBB67_AE85),
            Lanes(repeating: 0x3C6E_F372),
            Lanes(repeating: 0xA54F_F53A)
        )
        d = Quad(
            counter.low,
            counter.high,
            Lanes(repeating: length),
            Lanes(repeating: flags)
        )
    }

    /// The next chaining value: both halves of the state, folded onto each other.
    @inline(__always) var folded: (low: Quad, high: Quad) { (a ^ c, b ^ d) }

    /// All seven rounds.
    @inline(__always)
    mutating func mix(_ block: Message) {
        // Written out: permuting is free once the compiler sees where each word goes.
        var message = block
        round(message)
        message = message.permuted
        round(message)
        message = message.permuted
        round(message)
        message = message.permuted
        round(message)
        message = message.permuted
        round(message)
        message = message.permuted
        round(message)
        message = message.permuted
        round(message)
    }

    /// The function `G` on the four columns, then on the four diagonals.
    @inline(__always)
    private mutating func round(_ m: Message) {
        Self.mix(&a.w0, &b.w0, &c.w0, &d.w0, m.q0.w0, m.q0.w1)
        Self.mix(&a.w1, &b.w1, &c.w1, &d.w1, m.q0.w2, m.q0.w3)
        Self.mix(&a.w2, &b.w2, &c.w2, &d.w2, m.q1.w0, m.q1.w1)
        Self.mix(&a.w3, &b.w3, &c.w3, &d.w3, m.q1.w2, m.q1.w3)
        Self.mix(&a.w0, &b.w1, &c.w2, &d.w3, m.q2.w0, m.q2.w1)
        Self.mix(&a.w1, &b.w2, &c.w3, &d.w0, m.q2.w2, m.q2.w3)
        Self.mix(&a.w2, &b.w3, &c.w0, &d.w1, m.q3.w0, m.q3.w1)
        Self.mix(&a.w3, &b.w0, &c.w1, &d.w2, m.q3.w2, m.q3.w3)
    }

    /// The function `G` on one column or diagonal, with two words of the message.
    @inline(__always)
    private static func mix(
        _ a: inout Lanes,
        _ b: inout Lanes,
        _ c: inout Lanes,
        _ d: inout Lanes,
        _ first: Lanes,
        _ second: Lanes
    ) {
        a = a &+ b &+ first
        d = rotatedRight(d ^ a, by: 16)
        c = c &+ d
        b = rotatedRight(b ^ c, by: 12)
        a = a &+ b &+ second
        d = rotatedRight(d ^ a, by: 8)
        c = c &+ d
        b = rotatedRight(b ^ c, by: 7)
    }
}

/// Domain separation bits of the compression function (BLAKE3 paper, table 3).
enum Flag {
    static let chunkStart: UInt32 = 1 << 0
    static let chunkEnd: UInt32 = 1 << 1
    static let parent: UInt32 = 1 << 2
    static let root: UInt32 = 1 << 3
    static let keyedHash: UInt32 = 1 << 4
    static let deriveKeyContext: UInt32 = 1 << 5
    static let deriveKeyMaterial: UInt32 = 1 << 6
}

/// Sizes in bytes that the algorithm fixes.
enum Size {
    static let block = 64
    static let chunk = 1024
    static let chainingValue = 32
}
