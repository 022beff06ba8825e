/// All that was wrong with the settings, so that one start is enough to see it.
package struct SettingsErrors: Error, Sendable, Equatable {
    /// Never empty: first the sources in their order, then the keys in the table's order.
    package let problems: [SettingsProblem]
}

extension SettingsErrors: CustomStringConvertible {
    /// One sentence a line.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// One mistake of the operator, with what is needed to put it right.
package struct SettingsProblem: Error, Sendable, Hashable {
    /// What is wrong.
    package enum Reason: Sendable, Hashable {
        /// A name that no setting has; the hint is the end of the sentence.
        case unknown(hint: String?)
        case wrongType(expected: String)
        case outOfRange

        /// Not well formed; the text is the end of the sentence.
        case malformed(String)

        /// A flag that ends the command line or is followed by another flag.
        case missingValue

        /// Something on the command line that is neither a flag nor its value.
        case unexpectedArgument

        /// The file could not be used at all.
        case file(String)

        /// Two values that do not go together; the text says what to do.
        case conflict(String)

        /// There are more of the kind than are told.
        case more
    }

    /// The key, or for unknown ones the name as it was written; the path for a whole file.
    package let subject: String

    /// The value as far as it may be shown: secrets are redacted, unknown keys' values left out.
    package let value: String?

    package let origin: SettingOrigin?

    /// The allowed values in words.
    package let allowed: String?

    package let reason: Reason

    init(
        _ subject: String,
        _ reason: Reason,
        value: String? = nil,
        origin: SettingOrigin? = nil,
        allowed: String? = nil
    ) {
        self.subject = subject
        self.reason = reason
        self.value = value
        self.origin = origin
        self.allowed = allowed
    }
}

extension SettingsProblem: CustomStringConvertible {
    /// One sentence.
    package var description: String {
        let place = origin.map { " (from \($0))" } ?? ""
        let range = allowed.map { "; allowed: \($0)" } ?? ""
        let shown = value ?? "the value"
        return switch reason {
        case .unknown(let hint): "\(subject): unknown\(place)" + (hint.map { "; \($0)" } ?? "")
        case .wrongType(let expected): "\(subject): \(shown) is not \(expected)\(place)\(range)"
        case .outOfRange: "\(subject): \(shown) is not allowed\(place)\(range)"
        case .malformed(let why): "\(subject): \(shown) \(why)\(place)\(range)"
        case .missingValue: "\(subject): needs a value\(place)\(range)"
        case .unexpectedArgument: "\(subject): not expected; settings are written --key value"
        case .file(let why): "\(subject): \(why)\(place)"
        case .conflict(let advice): "\(subject): \(advice)"
        case .more: "\(subject): has more unknown keys, which are not listed"
        }
    }
}

extension SettingsProblem: Encodable {
    private enum CodingKeys: String, CodingKey {
        case key, value, origin, allowed, message
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(subject, forKey: .key)
        try container.encodeIfPresent(value, forKey: .value)
        try container.encodeIfPresent(origin?.description, forKey: .origin)
        try container.encodeIfPresent(allowed, forKey: .allowed)
        try container.encode(description, forKey: .message)
    }
}
