internal import DHTCore

/// A name under the operator's key and what it is to point at: `blog=b3:…`, or `@=b3:…` for the key
/// itself.
package struct PublishedName: Hashable, Sendable, CustomStringConvertible {
    /// The most names of one key that can be set; the 1000 bytes of an item hold fewer long ones.
    static let maximumCount = 32
    /// Stands for the key itself, as in a zone file.
    private static let apex = "@"

    /// What stands before the key, dots included; empty for the key itself.
    package let labels: String
    package let target: ContentID

    /// Throws a sentence's end that says what is wrong.
    init(parsing text: String) throws(SettingFault) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw .malformed("has no label=b3:… in \(RawSetting.quoted(text))")
        }
        let isApex = parts[0] == Self.apex
        // Keys are of one length, so that what fits under one fits under all.
        let suffix = "." + ZBase32.anyKey
        let name: Name
        do throws(KeyError) {
            target = try ContentID(parsing: parts[1])
            name = try Name(parsing: (isApex ? "a" : String(parts[0])) + suffix)
        } catch {
            throw .malformed("is wrong at \(RawSetting.quoted(text)): \(error)")
        }
        guard KeyName(name)?.recordName != nil else {
            throw .malformed("has a name too long for DNS in \(RawSetting.quoted(text))")
        }
        labels = isApex ? "" : String(name.text.dropLast(suffix.count))
    }

    package var description: String { "\(labels.isEmpty ? Self.apex : labels)=\(target)" }

    /// The name under a key; nil never, for it was found to be right.
    func name(under key: PublicKey) -> KeyName? {
        let apex = KeyName(key)
        if labels.isEmpty { return apex }
        return (try? Name(parsing: "\(labels).\(apex.keyText)")).flatMap { KeyName($0) }
    }
}

extension ZBase32 {
    /// A key as names have it, to try names out with.
    fileprivate static let anyKey = String(repeating: "y", count: 52)
}

extension SettingFormat where Value == [PublishedName] {
    /// Names and their targets, separated by commas outside the file; empty is none.
    static var publishedNames: Self {
        SettingFormat(
            unit: nil,
            expected: "a list of names",
            allowed: "up to \(PublishedName.maximumCount) of label=b3:…, @=b3:…",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let items = try raw.listItems()
                guard items.count <= PublishedName.maximumCount else { throw .outOfRange }
                var names: [PublishedName] = []
                for item in items { names.append(try PublishedName(parsing: item)) }
                guard Set(names.map(\.labels)).count == names.count else {
                    throw .malformed("names one label twice")
                }
                return names
            },
            render: { .list($0.map(\.description)) },
            text: { $0.map(\.description).joined(separator: ",") }
        )
    }
}
