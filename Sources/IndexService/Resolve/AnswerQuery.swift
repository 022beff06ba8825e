internal import BLAKE3

/// One question, reduced to what its answer depends on: the key of the answer cache.
package struct AnswerQuery: Hashable, Sendable {
    /// Which document is asked for.
    package enum Document: Hashable, Sendable {
        /// `GET /resolve/{key}`
        case resolution
        /// `GET /providers/{cid}`
        case providers
    }

    /// Providers in an answer unless the caller says otherwise.
    package static let defaultLimit = 5
    /// The most providers in one answer; a larger `limit` is clamped to it.
    package static let maximumLimit = 32

    package let document: Document
    package let key: ResolveKey
    package let limit: Int
    /// The caller's region; nil: the configured one.
    package let region: Region?
    /// Only providers seen within so many seconds, up to 2^32 - 1.
    package let minimumFreshness: Int?

    package init(
        _ document: Document,
        _ key: ResolveKey,
        limit: Int = defaultLimit,
        region: Region? = nil,
        minimumFreshness: Int? = nil
    ) {
        self.document = document
        self.key = key
        self.limit = min(max(0, limit), Self.maximumLimit)
        self.region = region
        self.minimumFreshness = minimumFreshness.map { Int(UInt32(clamping: $0)) }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(head.bits)
        switch key {
        case .name(let name): hasher.combine(name.text)
        case .contentID(let id): hasher.combine(id.digest)
        }
        if let region { hasher.combine(region.description) }
    }
}

/// All of a question but its two texts, in eight bytes: document, kind of key, limit, freshness,
/// and how long the texts are.
///
/// Together with the texts it is the whole question: others have another head or other texts.
struct QuestionHead: Equatable, Sendable {
    /// From the lowest: a byte of flags, limit, bytes of the key, bytes of the region, and 32 bits
    /// of freshness.
    var bits: UInt64

    fileprivate enum Flag {
        static let providers: UInt64 = 1
        static let contentID: UInt64 = 2
        static let freshness: UInt64 = 4
        static let keyInBody: UInt64 = 8
        /// Two bits of `Answer.Coverage`.
        static let coverage: UInt64 = 48
    }

    init(bits: UInt64) {
        self.bits = bits
    }

    /// Bytes of the key: a name's text, or the 32 of a content id.
    var keyBytes: Int { Int(bits >> 16 & 0xFF) }

    /// Zero without a region: none is empty.
    var regionBytes: Int { Int(bits >> 24 & 0xFF) }

    /// Whether the key is not kept by itself, since the answer's body has it in its usual place.
    var hasKeyInBody: Bool { bits & Flag.keyInBody != 0 }

    /// How far was asked before the answer was made.
    var coverage: Answer.Coverage {
        Answer.Coverage(rawValue: UInt8(bits >> 4 & 3)) ?? .full
    }

    /// The head of the question itself, wherever its key is kept and whatever its answer.
    var ofQuestion: QuestionHead {
        QuestionHead(bits: bits & ~(Flag.keyInBody | Flag.coverage))
    }

    var withKeyInBody: QuestionHead { QuestionHead(bits: bits | Flag.keyInBody) }

    func with(_ coverage: Answer.Coverage) -> QuestionHead {
        QuestionHead(bits: bits & ~Flag.coverage | UInt64(coverage.rawValue) << 4)
    }
}

extension AnswerQuery {
    var head: QuestionHead {
        var bits: UInt64 = document == .providers ? QuestionHead.Flag.providers : 0
        // Names have up to 253 bytes, regions 64: each length has a byte of its own.
        switch key {
        case .name(let name): bits |= UInt64(name.text.utf8.count) << 16
        case .contentID: bits |= QuestionHead.Flag.contentID | 32 << 16
        }
        bits |= UInt64(limit) << 8
        if let region { bits |= UInt64(region.description.utf8.count) << 24 }
        if let minimumFreshness {
            bits |= QuestionHead.Flag.freshness | UInt64(minimumFreshness) << 32
        }
        return QuestionHead(bits: bits)
    }

    /// The question in bytes, as the spill files it: other questions have other bytes.
    var spillKey: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96)
        bytes.append(bytesOf: head.bits)
        appendTexts(to: &bytes)
        return bytes
    }

    /// Appends region and key; their lengths are in the head.
    func appendTexts(to bytes: inout [UInt8], withKey: Bool = true) {
        if let region { bytes.append(contentsOf: region.description.utf8) }
        guard withKey else { return }
        switch key {
        case .name(let name): bytes.append(contentsOf: name.text.utf8)
        case .contentID(let id): id.digest.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
    }
}
