internal import BLAKE3
internal import Cache
internal import Glibc

/// What is common to the outcomes in RAM: one array of just the size that is needed, with the
/// question, the stamps of its subjects, and behind them what the kind of outcome adds.
///
/// A million of them fit into a gibibyte because each is one piece of memory without pointers: an
/// object for every part would cost more than the parts. Numbers are in the machine's byte order,
/// for no other machine reads them.
struct OutcomeRecord: Sendable, Equatable {
    /// Where everything is; what belongs to one kind of outcome begins at `own`.
    private enum Place {
        static let keySlot = 8
        static let targetSlot = 10
        static let generation = 12
        static let keyEpoch = 16
        static let targetEpoch = 20
    }

    /// The first byte of what the kind of outcome adds.
    static let own = 24
    /// A slot that stands for no target.
    private static let noSlot = UInt16.max

    private(set) var bytes: [UInt8]

    /// The common part, in memory that takes `byteCount` bytes without growing.
    init(_ head: QuestionHead, _ subjects: SubjectStamps, reserving byteCount: Int) {
        bytes = []
        bytes.reserveCapacity(byteCount)
        bytes.append(bytesOf: head.bits)
        bytes.append(bytesOf: UInt16(truncatingIfNeeded: subjects.key.slot))
        let target = subjects.target
        bytes.append(bytesOf: target.map { UInt16(truncatingIfNeeded: $0.slot) } ?? Self.noSlot)
        bytes.append(bytesOf: subjects.generation)
        bytes.append(bytesOf: subjects.key.epoch)
        bytes.append(bytesOf: target?.epoch ?? 0)
    }

    mutating func append(_ number: some FixedWidthInteger & BitwiseCopyable) {
        bytes.append(bytesOf: number)
    }

    mutating func append(contentsOf more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    mutating func appendTexts(of query: AnswerQuery, withKey: Bool) {
        query.appendTexts(to: &bytes, withKey: withKey)
    }

    @inline(__always)
    func number<Number: FixedWidthInteger & BitwiseCopyable>(
        at place: Int,
        as _: Number.Type = Number.self
    ) -> Number {
        bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: place, as: Number.self)
    }

    var head: QuestionHead { QuestionHead(bits: number(at: 0)) }

    /// The stamps, without the count of bumps: it matters only until the facts are read.
    var subjects: SubjectStamps {
        let target: UInt16 = number(at: Place.targetSlot)
        return SubjectStamps(
            generation: number(at: Place.generation),
            bumps: 0,
            key: .init(
                slot: UInt32(number(at: Place.keySlot, as: UInt16.self)),
                epoch: number(at: Place.keyEpoch)
            ),
            target: target == Self.noSlot
                ? nil : .init(slot: UInt32(target), epoch: number(at: Place.targetEpoch))
        )
    }

    /// Whether the text at `place` is this one; the head has vouched for its length.
    @inline(__always)
    func holds(_ text: String, at place: Int) -> Bool {
        let text = text.utf8Span.span
        guard place + text.count <= bytes.count else { return false }
        let own = bytes.span.extracting(place..<place + text.count)
        var difference: UInt8 = 0
        for index in text.indices { difference |= text[index] ^ own[index] }
        return difference == 0
    }

    /// Whether the key and the region at these places are those of a question with the same head.
    @inline(__always)
    func holdsTexts(of query: AnswerQuery, region: Int, key: Int) -> Bool {
        let isKey =
            switch query.key {
            case .name(let name): holds(name.text, at: key)
            case .contentID(let id):
                Digest(bytes: bytes.span.extracting(key..<key + 32)) == id.digest
            }
        return isKey && query.region.map { holds($0.description, at: region) } ?? true
    }

    /// The question in bytes, as the spill files it.
    func spillKey(region: Int, key: Int) -> [UInt8] {
        var spillKey: [UInt8] = []
        spillKey.reserveCapacity(96)
        spillKey.append(bytesOf: head.ofQuestion.bits)
        spillKey.append(contentsOf: bytes[region..<region + head.regionBytes])
        spillKey.append(contentsOf: bytes[key..<key + head.keyBytes])
        return spillKey
    }

    /// What the memory takes from the allocator, at most: the array's own 32 bytes, the
    /// allocator's word, up to the next sixteen, and a tenth for what lies unused between pieces
    /// of memory, which was measured.
    var heapBytes: Int {
        let taken = (bytes.capacity + 32 + 8 + 15) & ~15
        return taken + taken / 10
    }

    /// Overwrites all of it with zeros, wherever it is referred to.
    ///
    /// For the end of a process that is to leave nothing in memory: copying on write, which a
    /// mutation of the array would do, is just what must not happen.
    func erase() {
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            explicit_bzero(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }
}

extension [UInt8] {
    /// Appends a number in the machine's byte order.
    mutating func append(bytesOf number: some FixedWidthInteger & BitwiseCopyable) {
        Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
    }
}
