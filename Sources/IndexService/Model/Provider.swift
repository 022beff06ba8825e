internal import BLAKE3

/// One place where the bytes of a content id can be had.
package struct Provider: Hashable, Sendable {
    /// Who told us of a provider.
    package enum Source: String, Sendable {
        case index
        case dht
    }

    package var id: ProviderID
    package var address: ProviderAddress
    package var region: Region?
    /// When the provider was last announced or seen, in seconds since 1970.
    package var lastSeen: UnixTime
    /// When the provider's announcement ends; nil: it stands until it is removed.
    package var expiresAt: UnixTime?
    package var source: Source
    /// Whether the provider answered lately: 0 (no) to 1 (yes); nil while nobody knows.
    package var liveness: Double?

    package init(
        id: ProviderID,
        address: ProviderAddress,
        region: Region? = nil,
        lastSeen: UnixTime,
        expiresAt: UnixTime? = nil,
        source: Source = .index,
        liveness: Double? = nil
    ) {
        self.id = id
        self.address = address
        self.region = region
        self.lastSeen = lastSeen
        self.expiresAt = expiresAt
        self.source = source
        self.liveness = liveness
    }
}

/// Why a provider's field, a media type or another token was refused.
package struct FieldError: Error, Equatable, CustomStringConvertible {
    /// One sentence: the field, the rule that broke, what is allowed.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Names one provider of a content id: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
package struct ProviderID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let description: String

    package init(parsing text: String) throws(FieldError) {
        guard (1...128).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || Self.punctuation.contains($0) })
        else {
            throw FieldError("id must be 1 to 128 characters of A-Z a-z 0-9 . _ : -")
        }
        description = text
    }

    /// The id of a provider that was given without one: derived from its address, so that the same
    /// import twice makes the same provider.
    package init(derivedFrom address: ProviderAddress) {
        description = "addr-" + ContentID(of: Array(address.description.utf8)).digest.hex.prefix(16)
    }

    private static let punctuation = Array("._:-".utf8)

    package static func < (left: ProviderID, right: ProviderID) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}

/// A region label such as `eu-west-1`: 1 to 64 characters of `a-z 0-9 -`.
package struct Region: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(parsing text: String) throws(FieldError) {
        let hyphen = UInt8(ascii: "-")
        guard (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0.isASCIILowercaseOrDigit || $0 == hyphen })
        else { throw FieldError("region must be 1 to 64 characters of a-z 0-9 -") }
        description = text
    }

    private init(unchecked text: String) {
        description = text
    }

    /// A region that no provider can be in, nor in its area.
    static let nobody = Region(unchecked: "?")

    /// A region of `area` that no provider can be in.
    static func nobody(in area: Substring) -> Region {
        Region(unchecked: area + "-?")
    }

    /// The part before the first hyphen: `eu` of `eu-west-1`.
    package var area: Substring {
        description.prefix { $0 != "-" }
    }
}

/// A media type as RFC 9110, section 8.3.1 writes it, parameters included: at most 255 bytes.
package struct MediaType: Hashable, Sendable, CustomStringConvertible {
    package static let json = MediaType(unchecked: "application/json")
    package static let octets = MediaType(unchecked: "application/octet-stream")

    package let description: String

    private init(unchecked text: String) {
        description = text
    }

    package init(parsing text: String) throws(FieldError) {
        let bytes = text.utf8
        let essence = bytes.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
        let halves = essence.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let parameters = bytes.dropFirst(essence.count).drop { $0 == UInt8(ascii: " ") }
        guard bytes.count <= 255, halves.count == 2,
            parameters.isEmpty || parameters.first == UInt8(ascii: ";"),
            halves.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isTokenCharacter) }),
            bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7f })
        else {
            throw FieldError("media_type must be type/subtype, printable ASCII, at most 255 bytes")
        }
        description = text
    }
}

extension UInt8 {
    var isASCIIDigit: Bool { self >= 0x30 && self <= 0x39 }
    var isASCIILowercaseOrDigit: Bool { isASCIIDigit || (self >= 0x61 && self <= 0x7a) }
    var isASCIIAlphanumeric: Bool { isASCIILowercaseOrDigit || (self >= 0x41 && self <= 0x5a) }
    /// The small letter of a capital one; any other byte as it is.
    var asciiLowercased: UInt8 { self >= 0x41 && self <= 0x5a ? self | 0x20 : self }

    /// A space or a tab.
    var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }

    /// What tokens are made of: methods, names of headers, media types (RFC 9110, section 5.6.2).
    var isTokenCharacter: Bool {
        switch self {
        case _ where isASCIIAlphanumeric: true
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "\'"), UInt8(ascii: "*"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
