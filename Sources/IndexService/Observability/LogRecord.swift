package import Logging

/// One log event made ready to be written: metadata merged, flattened, redacted and bounded.
package struct LogRecord: Sendable {
    /// A piece of metadata; nested keys are joined by dots, list items numbered from 0.
    package struct Field: Sendable, Equatable {
        package let key: String
        package let text: String
        /// True for numbers and truth values, whose text is valid JSON as it is.
        package let isLiteral: Bool
    }

    /// Milliseconds since the Unix epoch.
    package let time: Int64
    package let level: Logger.Level
    package let label: String
    package let message: String
    /// Sorted by key.
    package let fields: [Field]

    static let messageLimit = 4_096
    static let valueLimit = 1_024
    static let nameLimit = 128
    static let fieldLimit = 64
    static let depthLimit = 4

    /// Later sources win: the logger's metadata, the provider's, the event's, then its error.
    init(
        _ event: LogEvent,
        label: String,
        base: Logger.Metadata,
        provider: Logger.MetadataProvider?,
        time: Int64
    ) {
        var metadata = base
        if let provided = provider?.get() { metadata.merge(provided) { $1 } }
        if let explicit = event.metadata { metadata.merge(explicit) { $1 } }
        if let error = event.error {
            metadata["error.message"] = "\(error)"
            metadata["error.type"] = "\(String(reflecting: type(of: error)))"
        }
        self.time = time
        level = event.level
        self.label = label.bounded(to: Self.nameLimit)
        message = event.message.description.bounded(to: Self.messageLimit)
        fields = Self.flatten(metadata)
    }

    private static func flatten(_ metadata: Logger.Metadata) -> [Field] {
        if metadata.isEmpty { return [] }
        var fields: [Field] = []
        append(.dictionary(metadata), key: "", depth: 0, to: &fields)
        fields.sort { ($0.key, $0.text) < ($1.key, $1.text) }
        // "a.b" may stand there by itself and within "a": one of them is enough.
        return fields.indices.filter { $0 == 0 || fields[$0].key != fields[$0 - 1].key }
            .map { fields[$0] }
    }

    /// Depth and number of fields are bounded, so that no metadata can stall the log.
    private static func append(
        _ value: Logger.MetadataValue,
        key: String,
        depth: Int,
        to fields: inout [Field]
    ) {
        guard fields.count < fieldLimit else { return }
        func child(_ name: String, _ value: Logger.MetadataValue) {
            let path = (key.isEmpty ? name : key + "." + name).bounded(to: nameLimit)
            let isSecret = SecretKey.matches(name)
            append(
                isSecret ? .string(SecretKey.replacement) : value,
                key: path,
                depth: depth + 1,
                to: &fields
            )
        }
        switch value {
        case .string(let text):
            fields.append(Field(key: key, text: text.bounded(to: valueLimit), isLiteral: false))
        case .stringConvertible(let thing):
            let text = String(describing: thing).bounded(to: valueLimit)
            fields.append(Field(key: key, text: text, isLiteral: isLiteral(thing)))
        case .dictionary where depth == depthLimit, .array where depth == depthLimit:
            fields.append(Field(key: key, text: "…", isLiteral: false))
        case .dictionary(let entries):
            for (name, value) in entries { child(name, value) }
        case .array(let values):
            for (position, value) in values.enumerated() { child(String(position), value) }
        }
    }

    private static func isLiteral(_ thing: any CustomStringConvertible) -> Bool {
        switch thing {
        // Before all, because casting to an existential is slow.
        case is Int, is Int64: true
        case let number as Double: number.isFinite
        case let number as Float: number.isFinite
        case is Bool, is any FixedWidthInteger: true
        default: false
        }
    }
}

/// Metadata keys whose values must not be written.
enum SecretKey {
    static let replacement = "[redacted]"
    private static let words = [
        "authorization", "token", "secret", "password", "passwd", "cookie", "credential", "apikey",
        "privatekey",
    ].map { Array($0.utf8) }

    /// Whether a key holds one of the words, in any case, with or without dashes and underscores.
    static func matches(_ key: String) -> Bool {
        var letters: [UInt8] = []
        letters.reserveCapacity(key.utf8.count)
        for byte in key.utf8 {
            let small = byte | 0x20
            if (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(small) { letters.append(small) }
        }
        return words.contains { holds(letters, $0) }
    }

    private static func holds(_ letters: [UInt8], _ word: [UInt8]) -> Bool {
        guard letters.count >= word.count else { return false }
        for start in 0...(letters.count - word.count) {
            var length = 0
            while length < word.count, letters[start + length] == word[length] { length += 1 }
            if length == word.count { return true }
        }
        return false
    }
}

extension String {
    /// The text, or as many whole characters of it as fit into `limit` bytes and `…`.
    ///
    /// DEL and the C1 controls, which JSON does not escape and terminals obey, become U+FFFD.
    func bounded(to limit: Int) -> String {
        var text = self
        if utf8.count > limit {
            var end = utf8.index(startIndex, offsetBy: limit)
            while end > startIndex, String.Index(end, within: unicodeScalars) == nil {
                end = utf8.index(before: end)
            }
            text = String(self[..<end]) + "…"
        }
        // C1 is U+0080 to U+009F; its lead byte is C2.
        guard text.utf8.contains(where: { $0 == 0x7F || $0 == 0xC2 }) else { return text }
        let kept = text.unicodeScalars.map { (0x7F...0x9F).contains($0.value) ? "\u{FFFD}" : $0 }
        return String(String.UnicodeScalarView(kept))
    }
}
