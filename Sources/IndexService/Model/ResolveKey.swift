/// What a caller asks about: a name or a content id (contract, section 2).
package enum ResolveKey: Hashable, Sendable, CustomStringConvertible {
    case name(Name)
    case contentID(ContentID)

    private static let namePrefix = "name:"

    /// Parses `b3:<hex>`, `name:<name>` or a bare name; whatever begins with `b3:` is a content id
    /// or wrong.
    package init(parsing text: some StringProtocol) throws(KeyError) {
        let text = Substring(text)
        if text.begins(withBytesOf: "b3:") {
            self = .contentID(try ContentID(parsing: text))
        } else if text.begins(withBytesOf: "name:") {
            self = .name(try Name(parsing: text.dropping(bytes: Self.namePrefix.utf8.count)))
        } else {
            self = .name(try Name(parsing: text))
        }
    }

    /// Parses a path segment of a URL: percent-decoded once, then parsed (RFC 3986, section 2.1).
    package init(percentEncoded segment: some StringProtocol) throws(KeyError) {
        try self.init(parsing: try PercentDecoding.decodeKey(segment))
    }

    package var kind: ResolveKind {
        switch self {
        case .name: .name
        case .contentID: .contentID
        }
    }

    /// Whether this is a name that certifies itself.
    var isKeyName: Bool {
        if case .name(let name) = self { name.isKeyName } else { false }
    }

    /// The canonical text: `name:libc6` or `b3:…`; it parses back to the same key.
    package var description: String {
        switch self {
        case .name(let name): Self.namePrefix + name.text
        case .contentID(let id): id.description
        }
    }
}

/// The kind of a key as answers and metrics print it.
package enum ResolveKind: String, Sendable {
    case name
    case contentID = "cid"
}
