internal import Cache
internal import NIOCore
internal import Spill

// Answers and questions as bytes on disk. They are read back by the process that wrote them and by
// no other one, so that stamps and hashes with the process's own seed keep their meaning.

extension AnswerQuery {
    /// The question as a key: other questions have other bytes.
    ///
    /// Every part but the last has a fixed length or says its own.
    var spillKey: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96)
        bytes.append(document == .resolution ? 0 : 1)
        bytes.append(UInt8(clamping: limit))
        bytes.append(minimumFreshness == nil ? 0 : 1)
        bytes.append(littleEndian: Int64(minimumFreshness ?? 0))
        // No region is empty, so that 0 stands for none.
        let region = region?.description.utf8
        bytes.append(UInt8(clamping: region?.count ?? 0))
        bytes.append(contentsOf: region.map(Array.init) ?? [])
        switch key {
        case .name(let name):
            bytes.append(0)
            bytes.append(contentsOf: name.text.utf8)
        case .contentID(let id):
            bytes.append(1)
            bytes.append(contentsOf: id.bytes)
        }
        return bytes
    }
}

extension Answer {
    /// Tells this layout from those of other versions.
    private static let layout: UInt8 = 1

    /// The answer as the spill keeps it.
    func spilled(at clock: ClockReading) -> SpilledEntry {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 + body.readableBytes)
        bytes.append(Self.layout)
        bytes.append(littleEndian: subjects.generation)
        bytes.append(littleEndian: subjects.bumps)
        bytes.append(subjects.key)
        bytes.append(subjects.target == nil ? 0 : 1)
        bytes.append(subjects.target ?? subjects.key)
        bytes.append(littleEndian: Int64(providerSet))
        bytes.append(littleEndian: clock.wallClock(of: madeAt))
        bytes.append(contentsOf: body.readableBytesView)
        return SpilledEntry(
            value: bytes,
            freshUntil: clock.wallClock(of: freshUntil),
            staleUntil: clock.wallClock(of: staleUntil)
        )
    }

    /// An answer out of the spill; nil when the bytes are not those of one, or when the wall clock
    /// was set back to before it was made, so that nobody knows its age.
    convenience init?(spilled entry: SpilledEntry, at clock: ClockReading) {
        var bytes = LittleEndianReader(entry.value)
        guard bytes.next(UInt8.self) == Self.layout,
            let generation = bytes.next(UInt32.self), let bumps = bytes.next(UInt64.self),
            let key = SubjectStamps.Stamp(from: &bytes),
            let hasTarget = bytes.next(UInt8.self), hasTarget <= 1,
            let target = SubjectStamps.Stamp(from: &bytes),
            let providerSet = bytes.next(Int64.self), let madeAt = bytes.next(Int64.self),
            madeAt <= clock.wallClock
        else { return nil }
        let body = Array(bytes.rest)
        self.init(
            body: ByteBuffer(bytes: body),
            // Hashed again: a tag can then never stand for other bytes.
            entityTag: AnswerEncoder.entityTag(of: ContentID(of: body)),
            providerSet: Int(truncatingIfNeeded: providerSet),
            madeAt: clock.instant(of: madeAt),
            freshUntil: clock.instant(of: entry.freshUntil),
            staleUntil: clock.instant(of: max(entry.freshUntil, entry.staleUntil)),
            subjects: SubjectStamps(
                generation: generation,
                bumps: bumps,
                key: key,
                target: hasTarget == 1 ? target : nil
            )
        )
    }
}

extension SubjectStamps.Stamp {
    /// The next stamp; nil when the bytes end or name no slot.
    fileprivate init?(from bytes: inout LittleEndianReader) {
        guard let slot = bytes.next(UInt32.self), slot < SubjectEpochs.slotCount,
            let epoch = bytes.next(UInt32.self)
        else { return nil }
        self.init(slot: slot, epoch: epoch)
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ stamp: SubjectStamps.Stamp) {
        append(littleEndian: stamp.slot)
        append(littleEndian: stamp.epoch)
    }
}

/// Takes whole numbers off the front of bytes that may end at any point.
private struct LittleEndianReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// The next number; nil, and nothing taken, when there are not enough bytes.
    mutating func next<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        let size = Number.bitWidth / 8
        guard rest.count >= size else { return nil }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}
