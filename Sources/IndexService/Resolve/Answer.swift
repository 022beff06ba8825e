internal import BLAKE3
package import Cache
package import NIOCore

/// An answer as it goes on the wire and into the cache: encoded once, never changed.
///
/// It is one piece of memory: digest, times and body behind what every outcome has. Nothing of it
/// is there twice, not even the name asked about, which is looked for in the body.
package struct Answer: Sendable, Equatable {
    private enum Place {
        static let madeAt = OutcomeRecord.own
        static let fresh = madeAt + 8
        static let stale = fresh + 4
        static let digest = stale + 4
        /// Region, key and body, the key only where the body does not name it.
        static let texts = digest + 32
        /// Where a resolution's body names the key: behind `{"key":"name:`.
        static let nameInBody = 13
    }

    /// How far was asked before an answer was made.
    enum Coverage: UInt8, CaseIterable, Sendable {
        /// Everybody who should have been asked.
        case full
        /// Who waited was given what was found first; a thorough lookup may find more.
        case early
        /// Not everybody could be asked: a deadline passed, or nodes are silent.
        case partial
    }

    /// From when on a better one is asked for in place of an early answer, in seconds of its age.
    static let followUpSeconds = 5

    let record: OutcomeRecord

    /// The answer to `query`; its life is kept in whole milliseconds and is at most 49 days.
    ///
    init(
        to query: AnswerQuery,
        body: [UInt8],
        madeAt: MonotonicInstant,
        freshUntil: MonotonicInstant,
        staleUntil: MonotonicInstant,
        coverage: Coverage = .full,
        subjects: SubjectStamps
    ) {
        let isKeyInBody = Self.names(query.key, body)
        let head = (isKeyInBody ? query.head.withKeyInBody : query.head).with(coverage)
        let texts = head.regionBytes + (isKeyInBody ? 0 : head.keyBytes)
        var record = OutcomeRecord(
            head,
            subjects,
            reserving: Place.texts + texts + body.count
        )
        record.append(madeAt.nanoseconds)
        record.append(Self.milliseconds(from: madeAt, to: freshUntil))
        record.append(Self.milliseconds(from: freshUntil, to: staleUntil))
        Digest(hashing: body).withUnsafeBytes { record.append(contentsOf: $0) }
        record.appendTexts(of: query, withKey: !isKeyInBody)
        record.append(contentsOf: body)
        self.record = record
    }

    private static func names(_ key: ResolveKey, _ body: [UInt8]) -> Bool {
        guard case .name(let name) = key else { return false }
        return body.dropFirst(Place.nameInBody).starts(with: name.text.utf8)
    }

    private static func milliseconds(
        from start: MonotonicInstant,
        to end: MonotonicInstant
    ) -> UInt32 {
        UInt32(clamping: end.nanoseconds(since: start) / 1_000_000)
    }

    package var madeAt: MonotonicInstant {
        MonotonicInstant(nanoseconds: record.number(at: Place.madeAt))
    }

    package var freshUntil: MonotonicInstant {
        madeAt.advanced(by: nanoseconds(at: Place.fresh))
    }

    /// Until here it may still be given out, marked as stale (RFC 5861, RFC 8767).
    package var staleUntil: MonotonicInstant {
        freshUntil.advanced(by: nanoseconds(at: Place.stale))
    }

    /// How far was asked before it was made.
    var coverage: Coverage { record.head.coverage }

    /// Whether a better one may be had by asking further.
    var isProvisional: Bool { coverage != .full }

    /// The last tenth of its life, in which whoever asks has a new one looked up.
    var prefetchFrom: MonotonicInstant {
        let fresh = freshUntil.nanoseconds(since: madeAt)
        return madeAt.advanced(by: fresh - fresh / 10)
    }

    private func nanoseconds(at place: Int) -> UInt64 {
        UInt64(record.number(at: place, as: UInt32.self)) * 1_000_000
    }

    private var keyPlace: Int {
        record.head.hasKeyInBody
            ? bodyPlace + Place.nameInBody : Place.texts + record.head.regionBytes
    }

    private var bodyPlace: Int {
        let head = record.head
        return Place.texts + head.regionBytes + (head.hasKeyInBody ? 0 : head.keyBytes)
    }

    /// Whether this is the answer to a question, whose head is at hand.
    @inline(__always)
    func isAnswer(to query: AnswerQuery, _ head: QuestionHead) -> Bool {
        record.head.ofQuestion == head
            && record.holdsTexts(of: query, region: Place.texts, key: keyPlace)
    }

    /// The question as the spill files it.
    var spillKey: [UInt8] {
        record.spillKey(region: Place.texts, key: keyPlace)
    }

    /// Whole seconds since the answer was made.
    package func age(at now: MonotonicInstant) -> Int {
        now.seconds(since: madeAt)
    }

    /// What is left of the answer's life for other caches, in whole seconds: at most 60, or 5 where
    /// a better one is to follow.
    package func maxAge(at now: MonotonicInstant) -> Int {
        min(isProvisional ? Self.followUpSeconds : 60, freshUntil.seconds(since: now))
    }
}

// MARK: - On the wire

extension Answer {
    /// The bytes of the body, without a copy.
    var bodyBytes: ArraySlice<UInt8> { record.bytes[bodyPlace...] }

    /// A copy of the body.
    package var body: ByteBuffer { ByteBuffer(bytes: bodyBytes) }

    /// The strong entity tag, quotes included: `"b3:<BLAKE3 of the body>"`.
    package var entityTag: String {
        String(unsafeUninitializedCapacity: Self.entityTagBytes) { memory in
            var cursor = ByteCursor(UnsafeMutableRawBufferPointer(memory))
            writeEntityTag(to: &cursor)
            return cursor.count
        }
    }

    /// Quotes, `b3:` and two digits for each byte of the digest.
    private static let entityTagBytes = 69

    /// Writes the entity tag without a `String` in between.
    func writeEntityTag(to cursor: inout ByteCursor) {
        cursor.write(literal: "\"b3:")
        for place in stride(from: Place.digest, to: Place.texts, by: 4) {
            let bytes = UInt32(littleEndian: record.number(at: place))
            cursor.write(littleEndian: bytes.hexDigits)
        }
        cursor.write(literal: "\"")
    }
}

extension UInt32 {
    /// The hexadecimal digits of four bytes in ASCII, in order of memory on a little-endian
    /// machine: of each byte, lowest first, the upper digit and then the lower one.
    fileprivate var hexDigits: UInt64 {
        var lanes = UInt64(self)
        lanes = (lanes | lanes << 16) & 0x0000_FFFF_0000_FFFF
        lanes = (lanes | lanes << 8) & 0x00FF_00FF_00FF_00FF
        let values = lanes >> 4 & 0x000F_000F_000F_000F | (lanes & 0x000F_000F_000F_000F) << 8
        // Six more carry those of ten and above into the next bit; letters lie 39 behind digits.
        let isLetter = (values &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return values &+ 0x3030_3030_3030_3030 &+ isLetter &* 39
    }
}
