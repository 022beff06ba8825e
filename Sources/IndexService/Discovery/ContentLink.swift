internal import BLAKE3

/// What the TXT record of a key name says: where the name points, and for how long.
package struct ContentLink: Hashable, Sendable {
    package let target: ContentID
    /// Seconds for which an answer may be kept, within `ttlRange`.
    package let ttl: Int

    /// The lives that records are given, whatever they ask for: five minutes to a day.
    package static let ttlRange = 300...86_400
    private static let key = "dnslink="
    private static let hashPrefix = Array((key + "/b3/").utf8)
    private static let cidPrefix = Array((key + "/ipfs/").utf8)

    package init(target: ContentID, ttl: Int = 300) {
        self.target = target
        self.ttl = min(max(ttl, Self.ttlRange.lowerBound), Self.ttlRange.upperBound)
    }

    /// A link with a TTL off the wire, where the highest bit means 0 (RFC 2181, section 8).
    init(target: ContentID, wireTTL: UInt32) {
        self.init(target: target, ttl: wireTTL >> 31 == 0 ? Int(wireTTL) : 0)
    }

    /// The text of the record: `dnslink=/b3/` and 64 hex digits.
    var text: [UInt8] { Self.hashPrefix + Array(target.digest.hex.utf8) }

    /// The content id in `dnslink=/b3/<64 hex>` or `dnslink=/ipfs/<CIDv1 of BLAKE3>`.
    static func target(of text: [UInt8]) -> ContentID? {
        if text.starts(with: hashPrefix) {
            let digits = Array(text[hashPrefix.count...])
            return Digest(hex: digits.span).map(ContentID.init(digest:))
        }
        guard text.starts(with: cidPrefix) else { return nil }
        return ContentID(cidV1: text[cidPrefix.count...])
    }
}
