package import Cache
internal import Glibc
package import NIOCore

/// An answer as it goes on the wire and into the cache: encoded once, never changed.
package final class Answer: Sendable {
    package let body: ByteBuffer
    /// The strong entity tag, quotes included: `"b3:<BLAKE3 of the body>"`.
    package let entityTag: String
    package let madeAt: MonotonicInstant
    package let freshUntil: MonotonicInstant
    /// Until here it may still be given out, marked as stale (RFC 5861, RFC 8767).
    package let staleUntil: MonotonicInstant
    /// Tells one set of providers from another, within this process.
    let providerSet: Int
    let subjects: SubjectStamps

    init(
        body: ByteBuffer,
        entityTag: String,
        providerSet: Int,
        madeAt: MonotonicInstant,
        freshUntil: MonotonicInstant,
        staleUntil: MonotonicInstant,
        subjects: SubjectStamps
    ) {
        self.body = body
        self.entityTag = entityTag
        self.madeAt = madeAt
        self.freshUntil = freshUntil
        self.staleUntil = staleUntil
        self.providerSet = providerSet
        self.subjects = subjects
    }

    /// Overwrites the body with zeros, wherever it is referred to.
    ///
    /// For the end of a process that is to leave nothing in memory: copying on write, which a
    /// mutation of the buffer would do, is just what must not happen.
    func erase() {
        body.withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            explicit_bzero(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }

    /// Whole seconds since the answer was made.
    package func age(at now: MonotonicInstant) -> Int {
        now.seconds(since: madeAt)
    }

    /// What is left of the answer's life for other caches, in whole seconds, at most 60.
    package func maxAge(at now: MonotonicInstant) -> Int {
        min(60, freshUntil.seconds(since: now))
    }
}

/// What a question came to.
package enum Outcome: Sendable {
    case found(Answer)
    /// Looked everywhere that this instance can look; it is not there.
    case absent(Absence)
}

/// The negative answer: nothing but its life and what would end it.
package final class Absence: Sendable {
    let freshUntil: MonotonicInstant
    let subjects: SubjectStamps

    init(freshUntil: MonotonicInstant, subjects: SubjectStamps) {
        self.freshUntil = freshUntil
        self.subjects = subjects
    }
}

/// What RAM has for a question.
package struct CachedOutcome: Sendable {
    package let outcome: Outcome
    /// Past its life: to be marked so.
    package let isStale: Bool
    /// Whether this caller, and nobody else, is to have it looked up again.
    package let wantsRefresh: Bool
}

/// An outcome and where it came from, as `Cache-Status` tells it (RFC 9211).
package struct Resolved: Sendable {
    package enum Source: String, Sendable {
        case ram
        /// Out of RAM or the spill, past its life.
        case stale
        /// Out of the cache on disk.
        case spill
        case index
        case dht
    }

    package let outcome: Outcome
    package let source: Source
}

extension Resolved.Source {
    /// Whether a cache of ours had it, as opposed to its having been looked up.
    var isCache: Bool {
        switch self {
        case .ram, .stale, .spill: true
        case .index, .dht: false
        }
    }
}
