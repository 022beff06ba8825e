internal import Cache
internal import Spill

// Answers as bytes on disk. They are read back by the process that wrote them and by no other one,
// so that stamps and hashes with the process's own seed keep their meaning.

extension Answer {
    /// Tells this layout from those of other versions.
    private static let layout: UInt8 = 5

    /// The answer as the spill keeps it, beside its key.
    func spilled(at clock: ClockReading) -> SpilledEntry {
        let subjects = record.subjects
        var bytes: [UInt8] = []
        bytes.reserveCapacity(40 + bodyBytes.count)
        bytes.append(Self.layout)
        bytes.append(bytesOf: subjects.generation)
        bytes.append(subjects.key)
        bytes.append(subjects.target == nil ? 0 : 1)
        bytes.append(coverage.rawValue)
        bytes.append(subjects.target ?? subjects.key)
        bytes.append(bytesOf: clock.wallClock(of: madeAt))
        bytes.append(contentsOf: bodyBytes)
        return SpilledEntry(
            value: bytes,
            freshUntil: clock.wallClock(of: freshUntil),
            staleUntil: clock.wallClock(of: staleUntil)
        )
    }

    /// An answer out of the spill; nil when the bytes are not those of one, or when the wall clock
    /// was set back to before it was made, so that nobody knows its age.
    init?(to query: AnswerQuery, spilled entry: SpilledEntry, at clock: ClockReading) {
        var bytes = NumberReader(entry.value)
        guard bytes.next(UInt8.self) == Self.layout,
            let generation = bytes.next(UInt32.self),
            let key = SubjectStamps.Stamp(from: &bytes),
            let hasTarget = bytes.next(UInt8.self), hasTarget <= 1,
            let coverage = bytes.next(UInt8.self).flatMap(Coverage.init(rawValue:)),
            let target = SubjectStamps.Stamp(from: &bytes),
            let madeAt = bytes.next(Int64.self), madeAt <= clock.wallClock
        else { return nil }
        self.init(
            to: query,
            // Hashed again: a tag can then never stand for other bytes.
            body: Array(bytes.rest),
            madeAt: clock.instant(of: madeAt),
            freshUntil: clock.instant(of: entry.freshUntil),
            staleUntil: clock.instant(of: max(entry.freshUntil, entry.staleUntil)),
            coverage: coverage,
            subjects: SubjectStamps(
                generation: generation,
                bumps: 0,
                key: key,
                target: hasTarget == 1 ? target : nil
            )
        )
    }
}

extension SubjectStamps.Stamp {
    /// The next stamp; nil when the bytes end or name no slot.
    fileprivate init?(from bytes: inout NumberReader) {
        guard let slot = bytes.next(UInt32.self), slot < SubjectEpochs.slotCount,
            let epoch = bytes.next(UInt32.self)
        else { return nil }
        self.init(slot: slot, epoch: epoch)
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ stamp: SubjectStamps.Stamp) {
        append(bytesOf: stamp.slot)
        append(bytesOf: stamp.epoch)
    }
}

/// Takes whole numbers, in the machine's byte order, off the front of bytes that may end at any
/// point.
private struct NumberReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// The next number; nil, and nothing taken, when there are not enough bytes.
    mutating func next<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> Number? {
        let size = Number.bitWidth / 8
        guard rest.count >= size else { return nil }
        defer { rest = rest.dropFirst(size) }
        return rest.span.bytes.unsafeLoadUnaligned(as: Number.self)
    }
}
